import assert from 'node:assert/strict';
import { manners } from './browser.js';
import { password } from './house.js';
import { journey } from './journey.js';
import { enter, refused, resident } from './people.js';

/** What is looked at on these journeys. */
export const pages = ['consent', 'consent, unverified', 'consent, on a device', 'consent, which account', 'my apps, unverified', 'consent over', 'request refused', 'form to an app',
  'device', 'device refused', 'device, compare', 'device connected', 'device denied', 'my apps, none', 'my apps', 'my apps, revoked',
  'logout', 'logout, nobody asks', 'left'];

/** Journeys of people between an app that is a client and this house. */
export function journeys(world, test) {
  consent(world, test);
  refusals(world, test);
  strangers(world, test);
  formPost(world, test);
  devices(world, test);
  apps(world, test);
  logout(world, test);
}

/** A client with a secret, on a server. */
const site = (world, name = 'Book Club', ...flags) => world.party.register(name, '--type', 'web', '--auth', 'client_secret_post', ...flags);

/** Signs in where an app has led to, and goes on to where it leads. */
async function signsIn(person, email, next) {
  assert.equal(person.path, '/sign-in');
  await person.fill({ identifier: email });
  await person.send();
  await person.fill({ password });
  await person.page.locator('main form button:not([type="button"])').first().click();
  await person.page.waitForURL(next);
}

/** Presses a button of the consent page and waits to be back at the app. */
async function decides(person, what) {
  await person.page.locator(`main button[name="do"][value="${what}"]`).click();
  await person.page.waitForURL(`${person.world.party.origin}/**`);
}

function consent(world, test) {
  journey(world, test, 'let an app in', async (arrive) => {
    const { house, party } = world;
    const client = await site(world);
    const email = await house.user('consent');
    const person = await arrive();
    let asked = party.request(client);
    await person.open(asked.link);
    await signsIn(person, email, '**/consent?**');
    await person.look('consent');
    await decides(person, 'approve');
    assert.equal(person.path, '/callback');
    const { about } = await party.redeem(asked);
    assert.equal(about.email, email);

    asked = party.request(client);
    await person.open(asked.link);
    assert.equal(person.path, '/callback', 'nobody is asked twice');
    assert.equal((await party.redeem(asked)).about.sub, about.sub);

    await person.open(party.request(client, { prompt: 'select_account' }).link);
    await person.look('consent, which account');
  });
}

function refusals(world, test) {
  journey(world, test, 'keep an app out', async (arrive) => {
    const { party } = world;
    const client = await site(world);
    const { person } = await resident(world, arrive, 'deny');
    const asked = party.request(client);
    await person.open(asked.link);
    const page = person.page.url();
    await decides(person, 'deny');
    const { error, code } = await party.answer(asked);
    assert.deepEqual([error, code], ['access_denied', undefined]);
    await person.open(page);
    assert.equal(person.document.status(), 400);
    await person.look('consent over');
  });

  journey(world, test, 'a request that leads nowhere', async (arrive) => {
    const { party } = world;
    const client = await site(world);
    const { person } = await resident(world, arrive, 'nowhere');
    for (const extra of [{ redirect_uri: `${party.origin}/elsewhere` }, { client_id: 'nobody' }]) {
      const asked = party.request(client, extra);
      await person.open(asked.link);
      assert.equal(person.path, '/oauth2/authorize');
      assert.ok(person.document.status() >= 400);
      assert.equal(await person.page.locator(`a[href^="${party.origin}"]`).count(), 0);
      assert.ok(!party.answers.some(({ state }) => state === asked.state));
      await person.look('request refused');
    }
  });
}

function strangers(world, test) {
  journey(world, test, 'an app that made itself known', async (arrive) => {
    const { party } = world;
    const { person } = await resident(world, arrive, 'strangers');
    const client = await party.registerItself('Book Finder');
    const asked = party.request(client, { scope: 'openid email lists:read', resource: party.api });
    await person.open(asked.link);
    await person.look('consent, unverified');
    await decides(person, 'approve');
    await party.redeem(asked);
    await person.open('/my/apps');
    await person.look('my apps, unverified');
  });

  journey(world, test, 'an app on the own device', async (arrive) => {
    const { party } = world;
    const { person } = await resident(world, arrive, 'installed');
    const client = await party.register('Book Reader', '--type', 'native');
    for (let times = 0; times < 2; times++) { // nobody can tell which program answers there, so people are asked again
      const asked = party.request(client, { scope: 'openid profile email offline_access' });
      await person.open(asked.link);
      await person.look('consent, on a device');
      await decides(person, 'approve');
      assert.ok((await party.redeem(asked)).tokens.refresh_token);
    }
  });
}

function formPost(world, test) {
  journey(world, test, 'an answer that a form brings', async (arrive, manner) => {
    const { house, party } = world;
    const client = await site(world);
    const email = await house.user('form');
    for (const options of [{}, { javaScriptEnabled: false }]) {
      const person = await arrive(manner, options);
      const asked = party.request(client, { response_mode: 'form_post', prompt: 'consent' });
      await person.open(asked.link);
      await signsIn(person, email, '**/consent?**');
      const scripted = (options.javaScriptEnabled ?? manners[manner].javaScriptEnabled) !== false;
      if (scripted) await decides(person, 'approve');
      else {
        await person.send('main button[value="approve"]');
        await person.look('form to an app');
        await person.page.locator('main form button').click();
        await person.page.waitForURL(`${party.origin}/**`);
      }
      assert.equal((await party.answer(asked)).method, 'POST');
      assert.equal((await party.redeem(asked)).about.email, email);
      // Known by now: the endpoint itself answers with the form.
      const again = party.request(client, { response_mode: 'form_post' });
      await person.open(again.link);
      if (!scripted) await person.page.locator('main form button').click();
      await person.page.waitForURL(`${party.origin}/**`);
      assert.equal((await party.answer(again)).method, 'POST');
    }
  });
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

function devices(world, test) {
  journey(world, test, 'connect a device', async (arrive) => {
    const { house, party } = world;
    const client = await party.register('Book TV', '--type', 'native', '--grant', deviceGrant);
    const email = await house.user('device');
    const begin = () => party.post('/oauth2/device_authorization', client, { scope: 'openid profile' });
    const poll = ({ device_code }) => party.token(client, { grant_type: deviceGrant, device_code });
    const person = await arrive();
    const first = await begin();
    await person.open(first.verification_uri);
    assert.equal(person.path, '/device');
    if (!await person.session()) await enter(person, email);
    await person.open(first.verification_uri);
    await person.look('device');
    await person.fill({ user_code: 'BCDF-GHJK' });
    await person.send();
    await refused(person);
    await person.look('device refused');
    await person.fill({ user_code: first.user_code.toLowerCase().replace('-', ' ') });
    await person.send();
    await person.look('device, compare');
    await person.send('main button[value="approve"]');
    assert.equal(person.path, '/done/device-connected');
    await person.look('device connected');
    assert.ok((await poll(first)).access_token);

    const second = await begin();
    await person.open(second.verification_uri_complete);
    assert.equal(await person.page.locator('main [name="user_code"]').inputValue(), second.user_code);
    await person.send();
    await person.send('main button[value="deny"]');
    assert.equal(person.path, '/done/device-refused');
    await person.look('device denied');
    assert.equal((await poll(second)).error, 'access_denied');

    const stranger = await arrive(); // who is not signed in does that first, and finds the code again
    const third = await begin();
    await stranger.open(third.verification_uri_complete);
    await stranger.send();
    await signsIn(stranger, email, '**/device**');
    assert.equal(await stranger.page.locator('main [name="user_code"]').inputValue(), third.user_code);
  });
}

function apps(world, test) {
  journey(world, test, 'apps that were let in, and out again', async (arrive) => {
    const { party } = world;
    const client = await site(world, 'Book Club', '--scope', 'openid', '--scope', 'profile', '--scope', 'email', '--scope', 'offline_access');
    const { person } = await resident(world, arrive, 'apps');
    await person.open('/my/apps');
    await person.look('my apps, none');
    const asked = party.request(client, { scope: 'openid profile email offline_access' });
    await person.open(asked.link);
    await decides(person, 'approve');
    const { tokens } = await party.redeem(asked);
    await person.open('/my/apps');
    await person.look('my apps');
    await person.send('main form:has([name="do"][value="revoke"]) button');
    assert.ok(await person.page.locator('.notice[role="status"]').isVisible());
    await person.look('my apps, revoked');
    assert.equal((await party.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).error, 'invalid_grant');
    await person.open(party.request(client).link);
    assert.equal(person.path, '/consent', 'who is out is asked about again');
  });
}

function logout(world, test) {
  const leave = (world, fields) => `${world.house.origin}/oauth2/logout?${new URLSearchParams(fields)}`;

  journey(world, test, 'an app signs a person out', async (arrive) => {
    const { party } = world;
    const client = await site(world);
    const { email, person } = await resident(world, arrive, 'logout');
    const back = { client_id: client.id, post_logout_redirect_uri: `${party.origin}/bye`, state: 'a state & more' };
    await person.open(leave(world, back));
    assert.equal(person.path, '/logout');
    assert.ok(await person.session(), 'a link alone signs nobody out');
    await person.look('logout');
    await person.page.locator('main form button').click();
    await person.page.waitForURL(`${party.origin}/bye?**`);
    assert.equal(new URL(person.page.url()).searchParams.get('state'), back.state);
    assert.equal(await person.session(), undefined);

    await enter(person, email);
    const asked = party.request(client);
    await person.open(asked.link);
    await decides(person, 'approve');
    const { tokens } = await party.redeem(asked);
    await person.open(leave(world, { id_token_hint: tokens.id_token, post_logout_redirect_uri: `${party.origin}/bye` }));
    assert.equal(person.page.url(), `${party.origin}/bye`, 'who knows the person need not ask');
    assert.equal(await person.session(), undefined);

    await enter(person, email);
    await person.open(leave(world, {}));
    await person.look('logout, nobody asks');
    await person.send();
    assert.equal(person.path, '/signed-out');
    assert.equal(await person.session(), undefined);
  });

  journey(world, test, 'every app hears of the end', async (arrive) => {
    const { house, party } = world;
    const client = await site(world);
    await house.must('PATCH', `/apps/default/clients/${client.id}`, { frontchannel_logout_uri: `${party.origin}/out` }, { token: await house.admin() });
    const { person } = await resident(world, arrive, 'hears');
    const asked = party.request(client);
    await person.open(asked.link);
    await decides(person, 'approve');
    const { tokens } = await party.redeem(asked);
    const heard = party.out;
    await person.open(leave(world, { id_token_hint: tokens.id_token }));
    await person.look('left');
    assert.ok(party.out > heard);
    assert.equal(await person.session(), undefined);
  });
}
