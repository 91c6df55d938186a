import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { manners } from './browser.js';
import { password, Totp } from './house.js';
import { journey } from './journey.js';
import { resident } from './people.js';

const scripted = Object.keys(manners).filter((manner) => manners[manner].javaScriptEnabled !== false);

/** What is looked at on these journeys. */
export const pages = ['my', 'my profile', 'my profile refused', 'my e-mail addresses', 'my e-mail addresses refused', 'my password', 'my two-factor',
  'my two-factor, scan', 'my two-factor, backup codes', 'my two-factor, on', 'my passkeys', 'my passkeys, change', 'my linked accounts', 'my sessions', 'my API keys',
  'my API keys, made', 'my API keys, list', 'my teams, none', 'my team', 'my teams', 'my activity', 'my waiting lists', 'my data', 'my account is going'];

/** Journeys through the pages of one's own account. */
export function journeys(world, test) {
  overview(world, test);
  profile(world, test);
  addresses(world, test);
  secrets(world, test);
  passkeys(world, test);
  sessions(world, test);
  keys(world, test);
  teams(world, test);
  record(world, test);
  leaving(world, test);
}

/** Sends the form that does something, the first of its kind or that of a row with a text. */
async function does(person, what, row) {
  const place = row ? person.page.locator('main li', { hasText: row }) : person.page.locator('main');
  const button = place.locator(`button[name="do"][value="${what}"], form:has(input[name="do"][value="${what}"]) button:not([type="button"]):not([name])`);
  await person.next(() => button.first().click());
}

/** What a page must say after a form. */
async function noticed(person, path) {
  assert.equal(person.document.status(), 200);
  assert.equal(person.path, path);
  assert.ok(await person.page.locator('.notice[role="status"]').isVisible());
}

async function refused(person) {
  assert.ok(person.document.status() >= 400);
  assert.ok(await person.page.locator('[role="alert"]').isVisible());
}

/** Proves again who it is, as a page has asked, and is back there. */
async function proves(person, totp, path) {
  assert.equal(person.path, '/step-up');
  await person.fill({ code: totp.code() });
  await person.send();
  assert.equal(person.path, path);
}

/** Turns the second factor on elsewhere, so that the session of the browser is not enough for what is sensitive. */
async function stale(world, email) {
  return (await world.house.secondFactor(email)).totp;
}

function overview(world, test) {
  journey(world, test, 'the overview of an account', async (arrive, manner) => {
    const { email, person } = await resident(world, arrive, 'overview');
    await person.open('/my');
    assert.match(await person.page.locator('main').innerText(), new RegExp(email.split('.')[0]));
    await person.look('my');
    const paths = await person.page.locator('nav a[href^="/my"]').evaluateAll((links) => [...new Set(links.map((link) => link.getAttribute('href')))]);
    assert.ok(paths.length > 10, paths.join());
    for (const path of paths) { // every page that the menu leads to is there, and says so in the menu
      await person.open(path);
      assert.equal(person.document.status(), 200, path);
      assert.equal(await person.page.locator(`nav a[aria-current="page"][href="${path}"]`).count(), 2);
    }
    if (manners[manner].viewport.width > 600) return;
    await person.open('/my'); // where there is no room the menu opens by the keyboard alone
    const menu = person.page.locator('nav.top');
    await menu.locator('summary').focus();
    await person.page.keyboard.press('Enter');
    await person.look('my, menu');
    await menu.locator('summary').focus();
    const focused = () => person.page.evaluate(() => document.activeElement.getAttribute('href'));
    for (let tabs = 0; tabs < 5 && await focused() !== '/my/profile'; tabs++) await person.page.keyboard.press('Tab');
    await Promise.all([person.page.waitForURL('**/my/profile'), person.page.keyboard.press('Enter')]);
  });
}

function profile(world, test) {
  journey(world, test, 'change the profile', async (arrive) => {
    const { email, person } = await resident(world, arrive, 'profile');
    await person.open('/my/profile');
    await person.look('my profile');
    await person.fill({ name: 'Ann of the Bridges', given_name: 'Ann', 'attributes.company': 'Bridges' });
    await person.page.locator('main [name="locale"]').selectOption('fr');
    await does(person, 'save');
    await noticed(person, '/my/profile');
    const { user } = await world.house.must('GET', '/me', undefined, { token: await world.house.token(email) });
    assert.deepEqual([user.name, user.given_name, user.locale, user.attributes.company], ['Ann of the Bridges', 'Ann', 'fr', 'Bridges']);

    const totp = await stale(world, email);
    await person.fill({ username: 'ann.of' });
    await does(person, 'username');
    await proves(person, totp, '/my/profile');
    assert.equal(await person.page.locator('main [name="username"]').inputValue(), 'ann.of', 'what was typed came along');
    const username = `ann-${Date.now().toString(36)}`;
    await person.fill({ username });
    await does(person, 'username');
    await noticed(person, '/my/profile');
    await person.fill({ username: 'a b c' });
    await does(person, 'username');
    await refused(person);
    await person.look('my profile refused');
  });
}

function addresses(world, test) {
  journey(world, test, 'several addresses', async (arrive) => {
    const { house } = world;
    const { email, person } = await resident(world, arrive, 'addresses');
    const second = house.address('second');
    await person.open('/my/emails');
    await person.fill({ email: second });
    await does(person, 'add');
    await noticed(person, '/my/emails');
    await person.look('my e-mail addresses');
    const first = await house.link(second, '/verify');
    await does(person, 'resend', second);
    await noticed(person, '/my/emails');
    const again = (link) => new URL(link).pathname === '/verify' && link !== first; // the first one is dead by now
    await person.open((await house.mail(second, ({ links }) => links?.some(again))).links.find(again));
    await person.send();
    await person.open('/my/emails');
    await does(person, 'primary', second);
    await noticed(person, '/my/emails');
    await house.mail(email, ({ links }) => links?.some((link) => link.includes('/cancel-email-change')));
    await does(person, 'remove', email);
    await noticed(person, '/my/emails');
    assert.equal(await person.page.locator('main li', { hasText: email }).count(), 0);
    await house.token(second);
    await person.fill({ email: second });
    await does(person, 'add');
    await refused(person);
    assert.equal(await person.page.locator('main [name="email"]').inputValue(), second);
    await person.look('my e-mail addresses refused');
  });
}

function secrets(world, test) {
  journey(world, test, 'password and authenticator app', async (arrive) => {
    const { email, person } = await resident(world, arrive, 'secrets');
    const fresh = 'eleven grey herons count the boats';
    await person.open('/my/password');
    await person.look('my password');
    await person.fill({ current_password: password, password: fresh });
    await person.send();
    await noticed(person, '/my/password');
    await world.house.token(email, fresh);

    await person.open('/my/two-factor');
    await person.look('my two-factor');
    await does(person, 'begin');
    await person.look('my two-factor, scan');
    const totp = new Totp(await person.page.locator('main [name="secret"]').inputValue());
    await person.fill({ code: totp.code() });
    await does(person, 'confirm');
    assert.ok(await person.page.locator('.codes li').count() >= 8);
    await person.look('my two-factor, backup codes');
    await person.open('/my/two-factor');
    await person.look('my two-factor, on');
    await person.fill({ code: totp.code() });
    await does(person, 'off');
    await noticed(person, '/my/two-factor');
  });
}

function passkeys(world, test) {
  journey(world, test, 'passkeys of an account', async (arrive) => {
    const { email, person } = await resident(world, arrive, 'keys');
    await person.devtools.send('WebAuthn.enable');
    await person.devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
    const totp = await stale(world, email);
    const add = () => person.page.locator('[data-passkey-start]').click();
    await person.open('/my/passkeys');
    await add(); // the script leads to where people prove again who they are
    await person.page.waitForURL('**/step-up?**');
    await person.page.waitForLoadState('load');
    await proves(person, totp, '/my/passkeys');
    assert.deepEqual(person.faults.splice(0).map((fault) => fault.split(' ')[0]), ['403'], 'the refusal that led there');
    await add();
    await person.page.waitForURL('**/my/passkeys?done=passkey-added');
    await person.page.waitForLoadState('load');
    await person.look('my passkeys');
    const row = person.page.locator('main .list li').first();
    await row.locator('summary').click();
    await row.locator('[name="name"]').fill('Blue key');
    await person.look('my passkeys, change');
    await does(person, 'rename');
    await noticed(person, '/my/passkeys');
    assert.ok(await person.page.locator('main li', { hasText: 'Blue key' }).isVisible());
    await person.page.locator('main .list li summary').first().click();
    await does(person, 'remove', 'Blue key');
    await noticed(person, '/my/passkeys');
  }, scripted);
}

function sessions(world, test) {
  journey(world, test, 'sessions, alive and ended', async (arrive) => {
    const { email, person } = await resident(world, arrive, 'sessions');
    const token = await world.house.token(email, password, { device: 'Old laptop' });
    await world.house.token(email, password, { device: 'Kitchen tablet' });
    await person.open('/my/sessions');
    await does(person, 'end', 'Old laptop');
    await noticed(person, '/my/sessions');
    await person.look('my sessions');
    assert.equal((await world.house.api('GET', '/me', undefined, { token })).status, 401);
    await does(person, 'end-others');
    await noticed(person, '/my/sessions');
    assert.ok(await person.page.locator('main li', { hasText: 'Kitchen tablet' }).isVisible(), 'it is among the ended ones, with the reason');
  });
}

function keys(world, test) {
  journey(world, test, 'API keys', async (arrive, manner) => {
    const { email, person } = await resident(world, arrive, 'programs');
    const totp = await stale(world, email);
    await person.open('/my/api-keys');
    await person.look('my API keys');
    await person.fill({ key_name: 'Nightly build', other_scopes: 'boats:read' });
    await person.page.locator('main [name="scope.account:read"]').check();
    await person.page.locator('main [name="life"]').selectOption('30d');
    await does(person, 'create');
    await proves(person, totp, '/my/api-keys');
    assert.ok(await person.page.locator('main [name="scope.account:read"]').isChecked());
    assert.equal(await person.page.locator('main [name="life"]').inputValue(), '30d');
    await does(person, 'create');
    const secret = await person.page.locator('#secret').innerText();
    await person.look('my API keys, made');
    if (manners[manner].javaScriptEnabled !== false) {
      await person.context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await person.page.locator('[data-copy]').click();
      assert.equal(await person.page.evaluate(() => navigator.clipboard.readText()), secret);
    }
    await world.house.must('GET', '/me', undefined, { token: secret });
    await person.open('/my/api-keys');
    assert.ok(!(await person.page.content()).includes(secret), 'it is shown once');
    await person.look('my API keys, list');
    await does(person, 'rotate', 'Nightly build');
    assert.notEqual(await person.page.locator('#secret').innerText(), secret);
    await person.open('/my/api-keys');
    await does(person, 'revoke', 'Nightly build');
    await noticed(person, '/my/api-keys');
    assert.equal((await world.house.api('GET', '/me', undefined, { token: secret })).status, 401);
  });
}

function teams(world, test) {
  journey(world, test, 'teams', async (arrive) => {
    const { house } = world;
    const { person } = await resident(world, arrive, 'owner', { name: 'Olive Owner' });
    await person.open('/my/accounts');
    await person.look('my teams, none');
    await person.fill({ account_name: 'Rowing club' });
    await does(person, 'create');
    await noticed(person, '/my/account');
    const invited = await house.user('member', { name: 'Mia Member' });
    await person.fill({ email: invited });
    await person.page.locator('main #role').selectOption('viewer');
    await does(person, 'invite');
    await noticed(person, '/my/account');

    const guest = await arrive();
    await guest.open(await house.link(invited, '/invite'));
    await guest.send();
    await guest.open('/my/accounts');
    assert.ok(await guest.page.locator('main li', { hasText: 'Rowing club' }).isVisible());

    const waiting = house.address('waiting');
    await person.fill({ email: waiting });
    await does(person, 'invite');
    await person.look('my team');
    await does(person, 'revoke', waiting);
    await noticed(person, '/my/account');
    const member = person.page.locator('main li', { hasText: 'Mia Member' });
    await member.locator('select').selectOption('member');
    await does(person, 'role', 'Mia Member');
    await noticed(person, '/my/account');
    await person.fill({ account_name: 'Rowing club of the town' });
    await does(person, 'save');
    await noticed(person, '/my/account');

    await person.open('/my/accounts');
    if (await person.page.locator('main button[value="switch"]').count() > 0) {
      await does(person, 'switch', 'Rowing club');
      await noticed(person, '/my/accounts');
    }
    await person.look('my teams');
    await does(person, 'leave', 'Rowing club');
    await refused(person); // the last owner stays
    await guest.open('/my/accounts');
    await does(guest, 'leave', 'Rowing club');
    await noticed(guest, '/my/accounts');
    await guest.look('my teams, left');
  });
}

function record(world, test) {
  journey(world, test, 'activity and waiting lists', async (arrive) => {
    const { email, person } = await resident(world, arrive, 'record');
    const token = await world.house.token(email);
    await world.house.api('POST', '/sessions', { identifier: email, password: 'not the right password' });
    await world.house.must('PUT', '/me/waitlists/boats', undefined, { token });
    await person.open('/my/activity');
    assert.equal(await person.page.locator('main ol code').count(), 0, 'everything that happens has words');
    assert.ok(await person.page.locator('main ol > li.bad').count() >= 1);
    await person.look('my activity');
    await person.open('/my/waitlists');
    await person.look('my waiting lists');
    await does(person, 'leave', 'boats');
    await noticed(person, '/my/waitlists');
    await person.open('/my/identities');
    await person.look('my linked accounts');
  });
}

function leaving(world, test) {
  journey(world, test, 'take the data along and leave', async (arrive) => {
    const { house } = world;
    const { email, person } = await resident(world, arrive, 'leaving');
    const totp = await stale(world, email);
    await person.open('/my/data');
    await person.look('my data');
    await does(person, 'export');
    await proves(person, totp, '/my/data');
    const [download] = await Promise.all([person.page.waitForEvent('download'),
      person.page.locator('main form[data-download] button').click()]);
    assert.equal(download.suggestedFilename(), 'my-data.json');
    const data = JSON.parse(await readFile(await download.path(), 'utf8'));
    assert.equal(data.user.email, email);
    assert.ok(data.events.length > 0 && data.sessions.length > 0);

    await person.page.locator('main [name="sure"]').check();
    await does(person, 'delete');
    assert.equal(person.path, '/done/leaving');
    assert.equal(await person.session(), undefined);
    await person.look('my account is going');
    await person.open(await house.link(email, '/cancel-deletion'));
    await person.send();
    assert.equal(person.path, '/done/staying');
  });
}
