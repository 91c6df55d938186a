import assert from 'node:assert/strict';
import { scripted } from './browser.js';
import { password } from './house.js';
import { journey } from './journey.js';
import { enter } from './people.js';

/** Journeys with a passkey, which take scripts. */
export function journeys(world, test) {
  passkeys(world, test);
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

  journey(world, test, 'make a passkey after signing in with a password', async (arrive) => {
    const email = await world.house.user('offer');
    const person = await arrive();
    await enter(person, email);
    assert.equal(person.path, '/done/signed-in');
    await authenticator(person);
    await person.page.locator('[data-passkey="register"] [data-passkey-start]').click();
    await person.page.waitForURL('**/done/passkey');
    await person.look('passkey made');
    await person.open('/sign-out');
    await person.send();
    await person.open('/sign-in?return_to=%2Fstep-up%3Freturn_to%3D%252Fsign-out');
    await person.page.waitForURL('**/step-up**');
    const before = await person.session();
    assert.ok(before);
    await person.look('step-up with a passkey');
    await person.page.locator('[data-passkey="step-up"] [data-passkey-start]').click();
    await person.page.waitForURL('**/sign-out');
    assert.notEqual(await person.session(), before);
    await person.open('/done/signed-in');
    const signals = JSON.parse(await person.page.locator('[data-signals]').getAttribute('data-signals'));
    assert.equal(signals.credential_ids.length, 1, 'the authenticators are told which passkeys work');
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
