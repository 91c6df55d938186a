import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { issuer, resource } from './house.js';

const http = { [oauth.allowInsecureRequests]: true };

test('both metadata documents are for this issuer and say the same', async () => {
  const read = async (algorithm) => oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm, ...http }));
  const openid = await read('oidc');
  const plain = await read('oauth2');
  for (const [name, value] of Object.entries(plain)) assert.deepEqual(openid[name], value, name);
  assert.deepEqual(openid.response_types_supported, ['code']);
  assert.deepEqual(openid.code_challenge_methods_supported, ['S256']);
  assert.equal(openid.authorization_response_iss_parameter_supported, true);
  assert.ok(openid.id_token_signing_alg_values_supported.includes('RS256'));
  assert.ok(!JSON.stringify(openid.token_endpoint_auth_signing_alg_values_supported).includes('none'));
});

test('every endpoint that is told is there', async () => {
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), http));
  const visited = ['jwks_uri', 'authorization_endpoint', 'end_session_endpoint'];
  for (const [name, url] of Object.entries(as)) {
    if (!/_endpoint$|^jwks_uri$/.test(name)) continue;
    const { status } = await fetch(url, { method: visited.includes(name) ? 'GET' : 'POST', redirect: 'manual' });
    assert.notEqual(status, 404, name);
    assert.notEqual(status, 405, name);
    assert.ok(status < 500, `${name}: ${status}`);
  }
});

test('metadata of a protected resource', async () => {
  const path = `${issuer}/things/${Date.now()}`;
  await resource({ uri: path, metadata_document: true });
  const found = await oauth.processResourceDiscoveryResponse(new URL(path), await oauth.resourceDiscoveryRequest(new URL(path), http));
  assert.deepEqual(found.authorization_servers, [issuer]);
  assert.deepEqual(found.scopes_supported.sort(), ['notes.read', 'notes.write']);
});
