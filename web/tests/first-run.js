import assert from 'node:assert/strict';
import { password } from './house.js';
import { journey } from './journey.js';

/** The one-time link of the first start, which comes once in the life of a server. */
export function journeys(world, test) {
  journey(world, test, 'the first administrator', async (arrive) => {
    const { house } = world;
    const email = 'admin@example.com';
    const admin = await arrive();
    await admin.open(house.setupLink);
    await admin.look('setup');
    await admin.fill({ name: 'Ada', email, password });
    await admin.send();
    house.administrator = email;
    await admin.look('setup done');
    assert.ok(await admin.session(), 'the administrator is signed in');
    assert.equal((await house.must('GET', '/me', undefined, { token: await house.admin() })).user.role, 'admin');
  }, ['at a desk']);
}
