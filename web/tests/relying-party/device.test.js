import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { configure } from './party.js';

const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';

function device() {
  return configure({ token_endpoint_auth_method: 'none', grant_types: [deviceCode, 'refresh_token'] });
}

test('a device is let in at the page', async () => {
  const { party, browser, user } = await device();
  const asked = await client.initiateDeviceAuthorization(party, { scope: 'openid email' });
  const { page, seen } = await browser.go(asked.verification_uri_complete, ['show', 'approve']);
  assert.ok(page && page.status === 200 && seen.length > 1, `${page?.status} after ${seen}`);
  const tokens = await client.pollDeviceAuthorizationGrant(party, { ...asked, interval: 1 });
  assert.equal(tokens.claims().sub, user.id);
  assert.equal((await client.fetchUserInfo(party, tokens.access_token, user.id)).email, user.email);
  await assert.rejects(client.pollDeviceAuthorizationGrant(party, { ...asked, interval: 1 }), { error: 'invalid_grant' });
});

test('a device is refused at the page', async () => {
  const { party, browser } = await device();
  const asked = await client.initiateDeviceAuthorization(party, { scope: 'openid' });
  await browser.go(asked.verification_uri_complete, ['show', 'deny']);
  await assert.rejects(client.pollDeviceAuthorizationGrant(party, { ...asked, interval: 1 }), { error: 'access_denied' });
});
