import assert from 'node:assert/strict';
import { password } from './house.js';
import { journey } from './journey.js';
import { app, enter, refused } from './people.js';

/** Journeys of people who are new. */
export function journeys(world, test) {
  signUp(world, test);
  modes(world, test);
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

    const { code } = await world.house.command('invite-codes', 'create', '--app', id);
    const email = world.house.address('code-in-hand');
    await person.open(`/sign-up?app=${id}`);
    await person.next(() => person.page.locator('main .links a').first().click());
    await person.look('waiting list with a code');
    await person.fill({ email, password, invite_code: code });
    await person.send();
    assert.equal(person.path, '/done/registered');
    await world.house.link(email, '/verify');
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
