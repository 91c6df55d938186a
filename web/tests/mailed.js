import assert from 'node:assert/strict';
import { password } from './house.js';
import { journey } from './journey.js';

const fresh = 'quiet harbours under a copper moon';

/** Follows a mailed link as programs that guard a mailbox do: with scripts on, and whatever the page links to as well. */
async function scan(arrive, link) {
  const scanner = await arrive('at a desk', { userAgent: 'Mozilla/5.0 (compatible; MailScanner)' });
  await scanner.open(link);
  await scanner.page.waitForLoadState('networkidle');
  const onward = await scanner.page.locator('a[href]').evaluateAll((links) => links.map((one) => one.href));
  for (const next of onward.filter((url) => url.startsWith('http'))) await scanner.open(next);
  assert.equal(await scanner.session(), undefined, 'a scanner is not signed in');
}

/** What every page of a mailed link keeps: a used link is dead, and says so. */
async function dead(visitor, link) {
  await visitor.open(link);
  if (visitor.document.status() < 400) await visitor.send();
  assert.ok(visitor.document.status() >= 400, 'the link works once');
}

/** Journeys that begin with a link in a mail. A scanner has been there before the person. */
export function journeys(world, test) {
  verification(world, test);
  reset(world, test);
  magic(world, test);
  invitation(world, test);
  changeOfAddress(world, test);
}

function verification(world, test) {
  journey(world, test, 'verify an address', async (arrive) => {
    const { house } = world;
    const email = house.address('verify');
    await house.must('POST', '/registrations', { email, password });
    const link = await house.link(email, '/verify');
    await scan(arrive, link);
    const tries = () => house.api('POST', '/sessions', { identifier: email, password });
    assert.notEqual((await tries()).status, 201, 'the scanner verified nothing');

    const person = await arrive();
    await person.open(link);
    await person.look('verify');
    await person.send();
    assert.equal(person.document.status(), 200);
    await person.look('verify done');
    assert.equal((await tries()).status, 201);

    await dead(person, link);
    await person.look('dead link');
  });
}

function reset(world, test) {
  journey(world, test, 'choose a new password', async (arrive) => {
    const { house } = world;
    const email = await house.user('reset');
    await house.must('POST', '/password-reset/request', { identifier: email });
    const link = await house.link(email, '/reset');
    await scan(arrive, link);

    const person = await arrive();
    await person.open(link);
    await person.look('reset');
    await person.fill({ password: 'password1234' });
    await person.send();
    assert.equal(person.document.status(), 400);
    assert.ok(await person.page.locator('[role="alert"]').isVisible());
    assert.equal(await person.page.locator('[name="password"]').inputValue(), '', 'passwords are not shown again');
    await person.look('reset refused');
    await person.fill({ password: fresh });
    await person.send();
    assert.equal(person.document.status(), 200);
    await person.look('reset done');

    assert.equal((await house.api('POST', '/sessions', { identifier: email, password })).status, 401);
    assert.equal((await house.api('POST', '/sessions', { identifier: email, password: fresh })).status, 201);
    await dead(person, link);
  });
}

function magic(world, test) {
  journey(world, test, 'sign in by a mailed link', async (arrive) => {
    const { house } = world;
    const email = await house.user('magic');
    await house.must('POST', '/magic-links', { email });
    const link = await house.link(email, '/magic');
    await scan(arrive, link);

    const person = await arrive();
    await person.open(link);
    await person.look('magic');
    await person.send();
    assert.ok(await person.session());
    await person.look('magic done');
    await dead(await arrive(), link);
  });

  journey(world, test, 'sign in by a mailed link and a second factor', async (arrive) => {
    const { house } = world;
    const email = await house.user('factor');
    const { totp } = await house.secondFactor(email);
    await house.must('POST', '/magic-links', { email });
    const link = await house.link(email, '/magic');
    await scan(arrive, link);

    const person = await arrive();
    await person.open(link);
    await person.send();
    assert.equal(await person.session(), undefined, 'half a sign-in is none');
    await person.look('second factor');
    await person.fill({ code: '000000' });
    await person.send();
    assert.ok(person.document.status() >= 400);
    await person.look('second factor refused');
    await person.fill({ code: totp.code() });
    await person.send();
    assert.ok(await person.session());
  });
}

function invitation(world, test) {
  journey(world, test, 'accept an invitation', async (arrive) => {
    const { house } = world;
    const token = await house.admin();
    const email = house.address('invite');
    await house.must('POST', '/invites', { email }, { token });
    const link = await house.link(email, '/invite');
    await scan(arrive, link);
    const known = async () => (await house.must('GET', `/users?search=${encodeURIComponent(email)}`, undefined, { token })).users.length;
    assert.equal(await known(), 0, 'the scanner accepted nothing');

    const person = await arrive();
    await person.open(link);
    await person.look('invite');
    await person.fill({ name: 'Grace' });
    await person.send();
    assert.ok(await person.session());
    await person.look('invite done');
    assert.equal(await known(), 1);
    await dead(await arrive(), link);
  });
}

function changeOfAddress(world, test) {
  journey(world, test, 'keep the address that somebody changes', async (arrive) => {
    const { house } = world;
    const email = await house.user('kept');
    const token = await house.token(email);
    await house.must('PUT', '/me/email', { email: house.address('other') }, { token });
    const link = await house.link(email, '/cancel-email-change');
    await scan(arrive, link);

    const person = await arrive();
    await person.open(link);
    await person.look('cancel change');
    await person.send();
    assert.equal(person.document.status(), 200);
    await person.look('cancel change done');
    await dead(person, link);
  });
}
