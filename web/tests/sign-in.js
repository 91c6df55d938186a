import assert from 'node:assert/strict';
import { password } from './house.js';
import { journey } from './journey.js';
import { enter, refused } from './people.js';

/** Journeys of people who have an account. */
export function journeys(world, test) {
  signIn(world, test);
  mailedCode(world, test);
  forgotten(world, test);
  stepUp(world, test);
  ended(world, test);
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
