// The pages in a real browser. One server and one browser serve all journeys; a journey is one person's way through
// pages, in each manner of looking at them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, missing } from './browser.js';
import { House } from './house.js';
import { journeys as firstRun } from './first-run.js';
import { journeys as mailed } from './mailed.js';
import { journeys as my, pages as myPages } from './my.js';
import { journeys as oauth, pages as oauthPages } from './oauth.js';
import { Party } from './party.js';
import { journeys as passkeys } from './passkeys.js';
import { Pictures } from './pictures.js';
import { journeys as plain } from './plain.js';
import { journeys as providers } from './providers.js';
import { journeys as signIn } from './sign-in.js';
import { journeys as signUp } from './sign-up.js';
import { Upstream } from './upstream.js';

if (missing && process.env.CI === 'true') throw new Error(missing);

/** What every journey shares: seen are the names of the pages that were judged, elsewhere the origins of others. */
const world = { seen: new Set(), elsewhere: [] };

describe('pages', { skip: missing }, () => {
  before(async () => {
    [world.house, world.browser, world.pictures] = await Promise.all([House.open(), launch(), Pictures.open()]);
    world.party = await Party.open(world.house);
    world.elsewhere.push(world.party.origin);
  });

  after(async () => {
    world.party?.close();
    await world.pictures?.close(world.browser);
    await world.browser?.close();
    await world.house?.close();
  });

  firstRun(world, test);
  describe('journeys', { concurrency: 2 }, () => {
    for (const journeys of [plain, mailed, signUp, signIn, passkeys, my]) journeys(world, test);
  });

  describe('between an app and the house', { concurrency: 2 }, () => {
    oauth(world, test);
  });

  describe('through a provider', { concurrency: 2 }, () => {
    before(async () => {
      world.upstream = await Upstream.open(`${world.house.origin}/oauth2/callback/work`);
      world.elsewhere.push(world.upstream.issuer);
      await world.upstream.connect(world.house, 'work', 'Work', { domains: ['trusted.example'] });
    });
    after(() => world.upstream?.close());
    providers(world, test);
  });

  test('every page was looked at', () => {
    const names = ['start', 'setup', 'setup, the app', 'setup, the people', 'setup done', 'inbox', 'error', 'no such page', 'dead link', 'verify', 'verify done', 'reset', 'reset refused',
      'reset done', 'magic', 'magic done', 'second factor', 'second factor refused', 'invite', 'invite done', 'cancel change', 'cancel change done',
      'sign up', 'sign up refused', 'sign up done', 'verify again', 'sign up with a code', 'waiting list', 'waiting list done', 'sign up, invite',
      'sign up, closed', 'sign in', 'password', 'password refused', 'sign out', 'signed out', 'mailed code', 'mailed code refused', 'forgot',
      'forgot done', 'step-up', 'step-up refused', 'step-up done', 'session ended', 'second factor with a passkey', 'sign in with providers', 'signed in', 'signed in already', 'link', 'link refused',
      'by the provider of an app', 'add a provider', 'provider added', 'my linked accounts, one more', 'provider refused', 'passkey made', 'step-up with a passkey',
      'waiting list with a code'];
    assert.deepEqual([...names, ...myPages, ...oauthPages].filter((name) => !world.seen.has(name)), []);
  });
});
