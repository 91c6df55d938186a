import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { exportJWK, SignJWT } from 'jose';
import * as client from 'openid-client';
import * as oauth from 'oauth4webapi';
import { api, issuer, listen, person, register, resource, signedIn } from './house.js';
import { authorize, configure, discover, exchange } from './party.js';

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const apiKey = 'urn:ostiary:params:oauth:token-type:api-key';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

async function keys(alg) {
  const pair = await oauth.generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: randomUUID(), alg, use: 'sig' };
  return { jwk, privateKey: { key: pair.privateKey, kid: jwk.kid } };
}

test('client credentials with every way to authenticate', async (t) => {
  const uri = await resource();
  const { jwk, privateKey } = await keys('ES256');
  const served = await keys('PS256');
  const jwksURI = await listen(t, (_, response) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [served.jwk] })));
  for (const [method, metadata, authenticate] of [
    ['client_secret_basic', {}, (made) => client.ClientSecretBasic(made.client_secret)],
    ['client_secret_post', {}, (made) => client.ClientSecretPost(made.client_secret)],
    ['private_key_jwt', { jwks: { keys: [jwk] } }, () => client.PrivateKeyJwt(privateKey)],
    ['private_key_jwt', { jwks_uri: `${jwksURI}/keys` }, () => client.PrivateKeyJwt(served.privateKey)],
  ]) {
    const made = await register({ token_endpoint_auth_method: method, grant_types: ['client_credentials'], redirect_uris: [], ...metadata });
    const party = await discover(made, authenticate(made));
    const tokens = await client.clientCredentialsGrant(party, { scope: 'notes.read', resource: uri });
    const claims = claimsOf(tokens.access_token);
    assert.equal(claims.sub, made.client_id);
    assert.equal(claims.aud, uri);
    assert.equal(claims.scope, 'notes.read');
    assert.equal(tokens.refresh_token, undefined);
  }
});

test('client credentials bound to a key', async () => {
  const made = await register({ grant_types: ['client_credentials'], redirect_uris: [], dpop_bound_access_tokens: true });
  const party = await discover(made, client.ClientSecretBasic(made.client_secret));
  await assert.rejects(client.clientCredentialsGrant(party), { error: 'invalid_dpop_proof' });
  const DPoP = client.getDPoPHandle(party, await client.randomDPoPKeyPair('EdDSA'));
  const tokens = await client.clientCredentialsGrant(party, {}, { DPoP });
  assert.equal(claimsOf(tokens.access_token).cnf.jkt, await DPoP.calculateThumbprint());
});

test('token exchange for another resource, with the actor named', async () => {
  const made = await register({ grant_types: [tokenExchange], redirect_uris: [] });
  const [first, second] = [await resource({ client_id: made.client_id }), await resource()]; // the client serves the first one
  const { party, browser, user } = await configure();
  const answer = await authorize(party, browser, { scope: 'openid notes.read', resource: first });
  const subject = await exchange(party, answer);
  const middle = await discover(made, client.ClientSecretBasic(made.client_secret));
  const got = await client.genericGrantRequest(middle, tokenExchange, {
    subject_token: subject.access_token, subject_token_type: accessToken, resource: second, scope: 'notes.read',
  });
  const claims = claimsOf(got.access_token);
  assert.equal(got.issued_token_type, accessToken);
  assert.equal(claims.sub, user.id);
  assert.equal(claims.act.sub, made.client_id);
  assert.equal(claims.aud, second);
  await assert.rejects(client.genericGrantRequest(middle, tokenExchange, {
    subject_token: subject.access_token, subject_token_type: accessToken, resource: second, scope: 'notes.write',
  }), { error: 'invalid_scope' });
});

test('an API key is exchanged for a token that names key and owner', async () => {
  const user = await person();
  const { api_key: key, secret } = await api('POST', '/api-keys', { name: 'Nightly' }, await signedIn(user));
  const made = await register({ grant_types: [tokenExchange], redirect_uris: [] });
  const party = await discover(made, client.ClientSecretBasic(made.client_secret));
  const got = await client.genericGrantRequest(party, tokenExchange, {
    subject_token: secret, subject_token_type: apiKey,
  });
  const claims = claimsOf(got.access_token);
  assert.equal(claims.sub, user.id);
  assert.ok(claims.act.sub.endsWith(key.id), claims.act.sub);
  assert.equal(got.refresh_token, undefined);
});

test('an assertion of an issuer that the client trusts', async () => {
  const user = await person();
  const { jwk, privateKey } = await keys('ES256');
  const trusted = 'https://issuer.example';
  const made = await register({ grant_types: [jwtBearer], redirect_uris: [], assertion_issuers: { [trusted]: { jwks: { keys: [jwk] } } } });
  const party = await discover(made, client.ClientSecretBasic(made.client_secret));
  const assertion = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: jwk.kid }).setIssuer(trusted).setSubject(user.id)
    .setAudience(issuer).setIssuedAt().setExpirationTime('2m').setJti(randomUUID()).sign(privateKey.key);
  const got = await client.genericGrantRequest(party, jwtBearer, { assertion });
  assert.equal(claimsOf(got.access_token).sub, user.id);
  await assert.rejects(client.genericGrantRequest(party, jwtBearer, { assertion }), { error: 'invalid_grant' }, 'a second time');
});
