import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { Browser } from './browser.js';
import { api, issuer, person, redirectURI } from './house.js';
import { authorize, exchange } from './party.js';

const insecure = { execute: [client.allowInsecureRequests] };

test('a client registers itself, manages itself and signs people in', async () => {
  const { token } = await api('POST', '/apps/default/registration-tokens', { name: 'partners' });
  await assert.rejects(client.dynamicClientRegistration(new URL(issuer), { redirect_uris: [redirectURI] }, undefined, insecure));
  const party = await client.dynamicClientRegistration(new URL(issuer), {
    redirect_uris: [redirectURI], client_name: 'Partner', scope: 'openid email', grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post', // as openid-client does where nothing is said
  }, undefined, { initialAccessToken: token, ...insecure });
  const made = party.clientMetadata();
  assert.ok(made.client_id && made.client_secret && made.registration_access_token);
  const user = await person();
  const tokens = await exchange(party, await authorize(party, new Browser(user), { scope: 'openid email' }));
  assert.equal(tokens.claims().sub, user.id);

  const ask = async (method, body, secret = made.registration_access_token) => fetch(made.registration_client_uri, {
    method, headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
  });
  const read = await (await ask('GET')).json();
  assert.equal(read.client_name, 'Partner');
  assert.equal((await ask('GET', undefined, 'of-nobody')).status, 401);
  const { registration_access_token, registration_client_uri, client_secret_expires_at, client_id_issued_at, ...metadata } = read;
  const changed = await ask('PUT', { ...metadata, client_name: 'Partner and sons' });
  assert.equal(changed.status, 200);
  const renamed = await changed.json();
  assert.equal(renamed.client_name, 'Partner and sons');
  const current = renamed.registration_access_token ?? made.registration_access_token;
  assert.equal((await ask('DELETE', undefined, current)).status, 204);
  assert.equal((await ask('GET', undefined, current)).status, 401);
  await assert.rejects(client.refreshTokenGrant(party, tokens.refresh_token), { error: 'invalid_client' });
});
