import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { authorize, configure, exchange } from './party.js';

async function session() {
  const { party, browser } = await configure();
  return { party, tokens: await exchange(party, await authorize(party, browser)) };
}

test('refresh tokens rotate', async () => {
  const { party, tokens } = await session();
  const second = await client.refreshTokenGrant(party, tokens.refresh_token);
  assert.notEqual(second.refresh_token, tokens.refresh_token);
  assert.equal(second.claims().sub, tokens.claims().sub);
  assert.equal(second.claims().auth_time, tokens.claims().auth_time);
  await client.refreshTokenGrant(party, second.refresh_token);
});

test('twenty refreshes at once get the same successor', async () => {
  const { party, tokens } = await session();
  const all = await Promise.all(Array.from({ length: 20 }, () => client.refreshTokenGrant(party, tokens.refresh_token)));
  assert.equal(new Set(all.map((one) => one.refresh_token)).size, 1);
  await client.refreshTokenGrant(party, all[0].refresh_token);
});

test('the token of another client is refused and lives on', async () => {
  const { party, tokens } = await session();
  const other = await session();
  await assert.rejects(client.refreshTokenGrant(other.party, tokens.refresh_token), { error: 'invalid_grant' });
  await client.refreshTokenGrant(party, tokens.refresh_token);
});

test('one access token may have less', async () => {
  const { party, browser } = await configure();
  const tokens = await exchange(party, await authorize(party, browser, { scope: 'openid email profile' }));
  const narrow = await client.refreshTokenGrant(party, tokens.refresh_token, { scope: 'openid email' });
  assert.equal(narrow.scope, 'openid email');
  const wide = await client.refreshTokenGrant(party, narrow.refresh_token);
  assert.equal(wide.scope, 'openid email profile');
});
