import assert from 'node:assert/strict';
import { journey } from './journey.js';

/** Pages that lead nowhere. */
export function journeys(world, test) {
  journey(world, test, 'the start page', async (arrive) => {
    const visitor = await arrive();
    await visitor.open('/');
    await visitor.look('start');
  });

  journey(world, test, 'the development inbox', async (arrive) => {
    const email = world.house.address('inbox');
    await world.house.must('POST', '/registrations', { email, password: 'weathered lantern over nine bridges' });
    await world.house.mail(email);
    const visitor = await arrive();
    await visitor.open('/dev/inbox');
    await visitor.look('inbox');
  });

  journey(world, test, 'errors', async (arrive) => {
    const visitor = await arrive();
    await visitor.open('/error?code=rate-limited');
    await visitor.look('error');
    await visitor.open('/no-such-page');
    assert.equal(visitor.document.status(), 404);
    await visitor.look('no such page');
  });
}
