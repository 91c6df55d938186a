// What people do on many journeys.
import assert from 'node:assert/strict';
import { password } from './house.js';

/** Signs in on the pages as far as the password leads. */
export async function enter(person, email) {
  await person.open('/sign-in');
  await person.fill({ identifier: email });
  await person.send();
  await person.fill({ password });
  await person.send();
}

/** Somebody who is signed in, with the address. */
export async function resident(world, arrive, name, extra) {
  const email = await world.house.user(name, extra);
  const person = await arrive();
  await enter(person, email);
  assert.ok(await person.session());
  return { email, person };
}

/** What a form that was refused must do: say so aloud, and keep what was typed but for secrets. */
export async function refused(person, kept = {}) {
  assert.ok(person.document.status() >= 400);
  assert.ok(await person.page.locator('[role="alert"]').isVisible());
  for (const [name, value] of Object.entries(kept)) {
    assert.equal(await person.page.locator(`main [name="${name}"]`).first().inputValue(), value);
  }
}

/** An app of its own, with a way to sign up. */
export async function app(world, name, registration) {
  const token = await world.house.admin();
  const { id } = await world.house.must('POST', '/apps', { name }, { token });
  await world.house.must('PATCH', `/apps/${id}`, { registration }, { token });
  return id;
}
