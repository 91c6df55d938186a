import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { issuer, register, resource } from './house.js';
import { authorize, configure, discover, exchange } from './party.js';

const http = { [oauth.allowInsecureRequests]: true };

async function tokensOf(metadata) {
  const made = await configure(metadata);
  return { ...made, tokens: await exchange(made.party, await authorize(made.party, made.browser)) };
}

test('introspection of both token formats', async () => {
  for (const access_token_format of ['jwt', 'opaque']) {
    const { party, registered, user, tokens } = await tokensOf({ access_token_format });
    const seen = await client.tokenIntrospection(party, tokens.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.sub, user.id);
    assert.equal(seen.client_id, registered.client_id);
    assert.equal((await client.tokenIntrospection(party, tokens.refresh_token)).active, true);
    assert.deepEqual(await client.tokenIntrospection(party, 'of-nobody'), { active: false });
    const stranger = await register();
    const other = await discover(stranger, client.ClientSecretBasic(stranger.client_secret));
    assert.deepEqual(await client.tokenIntrospection(other, tokens.access_token), { active: false });
  }
});

test('introspection signed (RFC 9701)', async () => {
  const { registered, tokens, user } = await tokensOf();
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), http));
  for (const alg of ['RS256', 'ES256']) {
    const party = { client_id: registered.client_id, introspection_signed_response_alg: alg };
    if (!as.introspection_signing_alg_values_supported?.includes(alg)) continue;
    const response = await oauth.introspectionRequest(as, party, oauth.ClientSecretBasic(registered.client_secret), tokens.access_token,
      { requestJwtResponse: true, ...http });
    assert.match(response.headers.get('Content-Type'), /token-introspection\+jwt/);
    const copy = response.clone();
    const seen = await oauth.processIntrospectionResponse(as, party, response);
    await oauth.validateApplicationLevelSignature(as, copy, http).catch(async () => oauth.validateApplicationLevelSignature(as, response, http));
    assert.equal(seen.sub, user.id);
    return;
  }
  assert.fail(`no algorithm of ${as.introspection_signing_alg_values_supported}`);
});

test('revocation of either token', async () => {
  {
    const { party, tokens } = await tokensOf();
    await client.tokenRevocation(party, tokens.access_token, { token_type_hint: 'access_token' });
    assert.deepEqual(await client.tokenIntrospection(party, tokens.access_token), { active: false });
    await assert.rejects(client.fetchUserInfo(party, tokens.access_token, client.skipSubjectCheck));
  }
  const { party, tokens } = await tokensOf();
  const other = await tokensOf();
  await client.tokenRevocation(other.party, tokens.refresh_token).catch(() => undefined); // of another client: nothing happens
  assert.equal((await client.tokenIntrospection(party, tokens.access_token)).active, true);
  await client.tokenRevocation(party, 'of-nobody');
  await client.tokenRevocation(party, tokens.refresh_token);
  assert.deepEqual(await client.tokenIntrospection(party, tokens.access_token), { active: false });
  await assert.rejects(client.refreshTokenGrant(party, tokens.refresh_token), { error: 'invalid_grant' });
});

test('a resource server checks an access token offline (RFC 9068)', async () => {
  const uri = await resource();
  const { party, browser, user } = await configure();
  const tokens = await exchange(party, await authorize(party, browser, { scope: 'openid notes.read', resource: uri }));
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), http));
  const request = new Request(`${uri}/notes`, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, uri, http);
  assert.equal(claims.sub, user.id);
  await assert.rejects(oauth.validateJwtAccessToken(as, new Request(uri, { headers: { Authorization: `Bearer ${tokens.id_token}` } }), uri, http));
});

test('userinfo signed', async () => {
  const { party, tokens, user } = await tokensOf({ userinfo_signed_response_alg: 'RS256' });
  assert.equal((await client.fetchUserInfo(party, tokens.access_token, user.id)).sub, user.id);
});
