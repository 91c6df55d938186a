import assert from 'node:assert/strict';
import { manners } from './browser.js';
import { password } from './house.js';
import { journey } from './journey.js';

const scripted = Object.keys(manners).filter((manner) => manners[manner].javaScriptEnabled !== false);

/** Journeys that begin at the pages of the door itself. */
export function journeys(world, test) {
  signUp(world, test);
  modes(world, test);
  signIn(world, test);
  mailedCode(world, test);
  forgotten(world, test);
  stepUp(world, test);
  ended(world, test);
  passkeys(world, test);
}

/** Signs in on the pages as far as the password leads. */
async function enter(person, email) {
  await person.open('/sign-in');
  await person.fill({ identifier: email });
  await person.send();
  await person.fill({ password });
  await person.send();
}

/** What a form that was refused must do: say so aloud, and keep what was typed but for secrets. */
async function refused(person, kept = {}) {
  assert.ok(person.document.status() >= 400);
  assert.ok(await person.page.locator('[role="alert"]').isVisible());
  for (const [name, value] of Object.entries(kept)) {
    assert.equal(await person.page.locator(`main [name="${name}"]`).first().inputValue(), value);
  }
}

/** An app of its own, with a way to sign up. */
async function app(world, name, registration) {
  const token = await world.house.admin();
  const { id } = await world.house.must('POST', '/apps', { name }, { token });
  await world.house.must('PATCH', `/apps/${id}`, { registration }, { token });
  return id;
}

function signUp(world, test) {
  journey(world, test, 'sign up', async (arrive) => {
    const { house } = world;
    const email = house.address('sign-up');
    const person = await arrive();
    await person.open('/sign-up');
    await person.look('sign up');
    await person.fill({ email, password: 'password1234' });
    await person.send();
    await refused(person, { email, password: '' });
    await person.look('sign up refused');
    await person.fill({ password });
    await person.send();
    assert.equal(await person.session(), undefined, 'nobody is signed in before the address is verified');
    await person.look('sign up done');

    await enter(person, email);
    assert.equal(await person.session(), undefined);
    await person.look('verify again');
    await person.open(await house.link(email, '/verify'));
    await person.send();
    await enter(person, email);
    assert.ok(await person.session());
  });
}

function modes(world, test) {
  journey(world, test, 'sign up with a code', async (arrive) => {
    const { house } = world;
    const id = await app(world, 'Invited by code', 'invite-code');
    const { code } = await house.command('invite-codes', 'create', '--app', id);
    const email = house.address('code');
    const person = await arrive();
    await person.open(`/sign-up?app=${id}`);
    await person.look('sign up with a code');
    await person.fill({ email, password, invite_code: 'WRONG-CODE' });
    await person.send();
    await refused(person, { email, password: '' });
    await person.fill({ password, invite_code: code });
    await person.send();
    assert.equal(person.path, '/done/registered');
    await house.link(email, '/verify');
  });

  journey(world, test, 'sign up for a waiting list', async (arrive) => {
    const id = await app(world, 'Waiting', 'waitlist');
    const person = await arrive();
    await person.open(`/sign-up?app=${id}`);
    await person.look('waiting list');
    await person.fill({ email: world.house.address('waiting') });
    await person.send();
    await person.look('waiting list done');
    assert.equal(person.path, '/done/waiting');
  });

  journey(world, test, 'nobody signs up', async (arrive) => {
    const person = await arrive();
    for (const mode of ['invite', 'closed']) {
      await person.open(`/sign-up?app=${await app(world, mode, mode)}`);
      assert.equal(await person.page.locator('main form').count(), 0);
      await person.look(`sign up, ${mode}`);
    }
  });
}

function signIn(world, test) {
  journey(world, test, 'sign in with a password and a code', async (arrive) => {
    const { house } = world;
    const email = await house.user('sign-in');
    const { totp, backupCodes } = await house.secondFactor(email);
    const person = await arrive();
    await person.open('/sign-in');
    await person.look('sign in');
    await person.fill({ identifier: email });
    await person.send();
    await person.look('password');
    await person.fill({ password: 'not the right password' });
    await person.send();
    await refused(person, { identifier: email, password: '' });
    await person.look('password refused');
    await person.fill({ password });
    await person.send();
    assert.equal(await person.session(), undefined, 'half a sign-in is none');
    await person.fill({ code: totp.code() });
    await person.send();
    const first = await person.session();
    assert.ok(first);

    await person.open('/sign-out');
    await person.look('sign out');
    await person.send();
    assert.equal(await person.session(), undefined);
    await person.look('signed out');
    await enter(person, email);
    await person.fill({ code: backupCodes[0] });
    await person.send();
    const second = await person.session();
    assert.ok(second && second !== first, 'every sign-in has a cookie of its own');
  });

  journey(world, test, 'sign in with the keyboard alone', async (arrive) => {
    const email = await world.house.user('keyboard');
    const person = await arrive();
    await person.open('/sign-in');
    for (const text of [email, password]) {
      await person.type(text);
      await person.next(() => person.page.keyboard.press('Enter'));
    }
    assert.ok(await person.session());
  });
}

function mailedCode(world, test) {
  journey(world, test, 'sign in by the code of a mail that is read elsewhere', async (arrive) => {
    const { house } = world;
    const email = await house.user('elsewhere');
    const person = await arrive();
    await person.open('/sign-in');
    await person.fill({ identifier: email });
    await person.send();
    await person.send('main form[action="/sign-in/mail"] button');
    await person.look('mailed code');
    const mail = await house.mail(email, ({ text }) => /\b\d{6}\b/.test(text));
    const code = mail.text.match(/\b\d{6}\b/)[0];
    await person.fill({ code: code === '111111' ? '222222' : '111111' });
    await person.send();
    await refused(person);
    await person.look('mailed code refused');
    const stranger = await arrive();
    await stranger.open('/magic/code');
    assert.equal(stranger.path, '/sign-in', 'a code is of use only where it was asked for');
    await person.fill({ code });
    await person.send();
    assert.ok(await person.session());
  });
}

function forgotten(world, test) {
  journey(world, test, 'a forgotten password', async (arrive) => {
    const { house } = world;
    const email = await house.user('forgot');
    const person = await arrive();
    await person.open('/forgot');
    await person.look('forgot');
    await person.fill({ identifier: email });
    await person.send();
    await person.look('forgot done');
    await person.open(await house.link(email, '/reset'));
    const secret = 'slow ferries leave at half past dawn';
    await person.fill({ password: secret });
    await person.send();
    await house.token(email, secret);
  });
}

function stepUp(world, test) {
  journey(world, test, 'prove again who one is', async (arrive) => {
    const email = await world.house.user('step-up');
    const person = await arrive();
    await enter(person, email);
    const before = await person.session();
    await person.open('/step-up?return_to=%2Fsign-out');
    await person.look('step-up');
    await person.fill({ current_password: 'not the right password' });
    await person.send();
    await refused(person, { current_password: '' });
    await person.look('step-up refused');
    await person.fill({ current_password: password });
    await person.send();
    assert.equal(person.path, '/sign-out', 'back to where the person was');
    assert.notEqual(await person.session(), before, 'with a new cookie');
    await person.open('/step-up');
    await person.fill({ current_password: password });
    await person.send();
    await person.look('step-up done');
  });
}

function ended(world, test) {
  journey(world, test, 'a session that ended elsewhere', async (arrive) => {
    const { house } = world;
    const email = await house.user('ended');
    const person = await arrive();
    await enter(person, email);
    const token = await house.token(email);
    await house.must('PUT', '/me/password', { current_password: password, password: 'a kettle sings in the empty station' }, { token });
    await person.open('/step-up');
    assert.equal(person.path, '/signed-out');
    assert.equal(new URL(person.page.url()).searchParams.get('why'), 'password-changed');
    assert.equal(await person.session(), undefined);
    await person.look('session ended');
  });
}

/** An authenticator in the person's device, which confirms at once while it is willing. */
async function authenticator(person) {
  await person.devtools.send('WebAuthn.enable');
  const { authenticatorId } = await person.devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { willing: (enabled) => person.devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }) };
}

/** Puts a passkey of a user into the authenticator, by the browser itself. */
async function register(world, person, email, extra) {
  const token = await world.house.token(email, password, extra);
  const { flow, options } = await world.house.must('POST', '/me/passkeys/options', {}, { token });
  await person.open('/');
  const credential = await person.page.evaluate(async (json) => {
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) });
    return made.toJSON();
  }, options);
  await world.house.must('POST', '/me/passkeys', { flow, credential }, { token });
}

function passkeys(world, test) {
  journey(world, test, 'sign in with a passkey that the browser offers', async (arrive) => {
    const email = await world.house.user('passkey');
    const person = await arrive();
    await authenticator(person);
    await register(world, person, email);
    await person.open('/sign-in');
    await person.page.waitForURL('**/done/signed-in');
    assert.ok(await person.session());
  }, scripted);

  journey(world, test, 'a passkey as the second factor', async (arrive) => {
    const { house } = world;
    const email = await house.user('second');
    const { totp } = await house.secondFactor(email);
    const person = await arrive();
    const device = await authenticator(person);
    await register(world, person, email, { code: totp.code() });
    await device.willing(false);
    await enter(person, email);
    assert.equal(await person.session(), undefined);
    await person.look('second factor with a passkey');
    await device.willing(true);
    await person.page.locator('[data-passkey-start]').click();
    await person.page.waitForURL('**/done/signed-in');
    assert.ok(await person.session());
  }, scripted);
}
