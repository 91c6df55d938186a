import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { manners } from './browser.js';
import { House, password } from './house.js';
import { journey } from './journey.js';

/** The one-time link of the first start, which comes once in the life of a server: each manner but the first has one of its own. */
export function journeys(world, test) {
  for (const manner of Object.keys(manners)) {
    const first = manner === Object.keys(manners)[0];
    const own = first ? world : { ...world };
    journey(own, test, 'the first run', async (arrive) => {
      if (!first) Object.assign(own, world, { house: await House.open() });
      try {
        await firstRun(own.house, await arrive(), arrive);
      } finally {
        if (!first) await own.house.close();
      }
    }, [manner]);
  }
}

async function firstRun(house, admin, arrive) {
  const email = 'admin@example.com';
  const { url: link } = await house.command('setup', 'link');
  const late = await arrive();
  await late.open(house.setupLink);
  await late.fill({ email, password });
  await late.send();
  assert.ok(late.document.status() >= 400, 'a new link takes the place of the one before');

  await admin.open(link);
  await admin.look('setup');
  await admin.fill({ name: 'Ada', email, password: 'password1234' });
  await admin.send();
  assert.equal(admin.document.status(), 400);
  await admin.fill({ password });
  await admin.send();
  house.administrator = email;
  assert.ok(await admin.session(), 'the administrator is signed in');
  await admin.look('setup, the app');
  await admin.fill({ name: 'Ostiary' });
  await admin.send();
  await admin.look('setup, the people');
  await admin.page.locator('main label').first().click();
  await admin.send();
  await admin.look('setup done');
  const commands = (await admin.page.locator('pre').allTextContents()).filter((text) => text.startsWith('curl'));
  assert.ok(commands.length >= 6);
  const { stdout } = await promisify(execFile)('sh', ['-c', `${commands[0].replace('YOUR-PASSWORD', password)} -s`]);
  assert.match(stdout, /access_token/);
  assert.equal((await house.must('GET', '/me', undefined, { token: await house.admin() })).user.role, 'admin');
  await assert.rejects(house.command('setup', 'link'), 'there is no link once there is an administrator');
}
