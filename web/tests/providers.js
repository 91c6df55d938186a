import assert from 'node:assert/strict';
import { manners } from './browser.js';
import { password } from './house.js';
import { journey } from './journey.js';
import { enter, refused } from './people.js';

/** Where a client sends people to be signed in for it, with a request of 4 kB. It is answered by whatever is there. */
const wanted = `/oauth2/authorize?client_id=shop&state=${'s'.repeat(2000)}&nonce=${'n'.repeat(1900)}`;

/** Journeys through an identity provider outside the house, and back. */
export function journeys(world, test) {
  journey(world, test, 'sign in with a provider', async (arrive) => {
    const { upstream } = world;
    const login = world.house.address('provider').split('@')[0];
    await upstream.know(login, { email: `${login}@trusted.example`, email_verified: true, name: 'Ada' });
    const person = await arrive();
    await person.open('/sign-in');
    await person.look('sign in with providers');
    await leave(person);
    await upstream.walk(person, login);
    await person.page.waitForURL('**/done/signed-in');
    const first = await person.session();
    assert.ok(first);
    await person.look('signed in');
    await person.open('/sign-in');
    await person.look('signed in already');

    // Known by now, and signed in there: one button.
    await person.open(`/sign-in?return_to=${encodeURIComponent('/sign-out')}`);
    await leave(person);
    await person.page.waitForURL('**/sign-out');
    assert.notEqual(await person.session(), first, 'every sign-in has a cookie of its own');
  });

  journey(world, test, 'link a provider to an account that has its address', async (arrive) => {
    const { house, upstream } = world;
    const email = await house.user('link');
    const login = email.split('@')[0];
    await upstream.know(login, { email, email_verified: true, name: 'Grace' });
    const person = await arrive();
    await person.open(`/sign-in?return_to=${encodeURIComponent(wanted)}`);
    await leave(person);
    await upstream.walk(person, login);
    await person.page.waitForURL('**/link?**');
    assert.equal(await person.session(), undefined, 'a provider alone does not open the account');
    await person.look('link');
    await person.fill({ password: 'not the right password' });
    await person.send('main form:has([name="password"]) button:not([type="button"])');
    await refused(person, { password: '' });
    await person.look('link refused');
    const mail = await house.mail(email, ({ text }) => /\b\d{6}\b/.test(text));
    await person.fill({ code: mail.text.match(/\b\d{6}\b/)[0] });
    await follow(person, wanted, () => person.page.locator('main form button:not([type="button"])').first().click());
    assert.ok(await person.session());
  });

  journey(world, test, 'add a provider to the ways in', async (arrive) => {
    const { house, upstream } = world;
    const email = await house.user('add');
    const login = email.split('@')[0];
    await upstream.know(login, { name: 'Ada at work' });
    const person = await arrive();
    await enter(person, email);
    await person.open('/link/work');
    await person.look('add a provider');
    await leave(person);
    await upstream.walk(person, login);
    await person.page.waitForURL('**/done/linked');
    await person.look('provider added');
    const stranger = await arrive();
    await stranger.open('/sign-in');
    await leave(stranger);
    await upstream.walk(stranger, login);
    await stranger.page.waitForURL('**/done/signed-in');
  });

  journey(world, test, 'link a provider from the page of linked accounts', async (arrive) => {
    const { house, upstream } = world;
    const email = await house.user('identities');
    const login = email.split('@')[0];
    await upstream.know(login, { name: 'Ada at work' });
    const person = await arrive();
    await enter(person, email);
    await person.open('/my/identities');
    await person.next(() => person.page.locator('main a[href^="/link/work"]').click());
    await leave(person);
    await upstream.walk(person, login);
    await person.page.waitForURL('**/my/identities');
    const row = person.page.locator('main .list li', { hasText: 'Work' });
    assert.ok(await row.isVisible());
    assert.equal(await person.page.locator('main a[href^="/link/work"]').count(), 0, 'it is not offered twice');
    await person.look('my linked accounts, one more');
    await person.next(() => row.locator('form button').click());
    assert.ok(await person.page.locator('.notice[role="status"]').isVisible());
    assert.equal(await row.count(), 0);
  });

  journey(world, test, 'come to an app by the provider that it names', async (arrive, manner) => {
    const { party, upstream } = world;
    const login = world.house.address('connection').split('@')[0];
    await upstream.know(login, { email: `${login}@trusted.example`, email_verified: true, name: 'Ada' });
    const client = await party.register('Book Club', '--type', 'web', '--auth', 'client_secret_post');
    const asked = party.request(client, { connection: 'work' });
    const quiet = await arrive(manner, { javaScriptEnabled: false });
    await quiet.open(asked.link);
    assert.equal(await quiet.page.locator('main [name="identifier"]').count(), 0);
    await quiet.look('by the provider of an app');

    const person = await arrive();
    await person.page.goto(asked.link, { waitUntil: 'commit' });
    if (manners[manner].javaScriptEnabled === false) await person.page.locator('main form button').click();
    await person.page.waitForURL(`${upstream.issuer}/**`);
    await upstream.walk(person, login);
    await person.page.waitForURL('**/consent?**');
    await person.page.locator('main button[value="approve"]').click();
    await person.page.waitForURL(`${party.origin}/**`);
    assert.equal((await party.redeem(asked)).about.email, `${login}@trusted.example`);
    await quiet.open(party.request(client, { connection: 'nobody' }).link);
    assert.equal(await quiet.page.locator('main [name="identifier"]').count(), 1);
  });

  journey(world, test, 'turn back at a provider', async (arrive) => {
    const { house, upstream } = world;
    await upstream.know('shy', { name: 'Shy' });
    const person = await arrive();
    await person.open('/sign-in?return_to=%2Fmy');
    await leave(person);
    await person.page.locator('[name="login"]').fill('shy');
    await person.page.locator('[name="password"]').fill('not looked at');
    await person.page.locator('[type="submit"]').click();
    await person.next(() => person.page.getByText('[ Cancel ]').click());
    assert.ok(person.document.status() >= 400);
    await person.look('provider refused');
    await person.next(() => person.page.locator('main a.button').click());
    assert.equal(person.page.url(), `${house.origin}/sign-in?return_to=%2Fmy`);
  });

  journey(world, test, 'a long way back through every step', async (arrive) => {
    const { house } = world;
    const email = await house.user('long');
    const { totp } = await house.secondFactor(email);
    const person = await arrive();
    await person.open(`/sign-in?return_to=${encodeURIComponent(wanted)}`);
    await person.fill({ identifier: email });
    await person.send();
    await person.fill({ password });
    await person.send();
    await person.fill({ code: totp.code() });
    await follow(person, wanted, () => person.page.locator('main form button:not([type="button"])').first().click());
    await person.open(`/step-up?return_to=${encodeURIComponent(wanted)}`);
    await person.fill({ code: totp.code() });
    await follow(person, wanted, () => person.page.locator('main form button:not([type="button"])').first().click());
  });
}

/** Presses the button of the provider and waits to be there, or to be back. */
async function leave(person) {
  const { issuer } = person.world.upstream;
  const there = person.page.waitForRequest((request) => request.isNavigationRequest() && request.url().startsWith(issuer));
  await person.page.locator('main form button[name="provider"], main form[action^="/link/"] button').first().click();
  await there;
}

/** Does what leads to a path of this server, whatever it answers. */
async function follow(person, path, act) {
  await act();
  await person.page.waitForURL(person.world.house.origin + path);
}
