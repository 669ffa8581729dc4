import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const redirect_uris = ['https://casesync.test/sign-in/oidc'];
const people = {
  'ada@northbank.example': { sub: 'ada', email: 'ada@northbank.example', email_verified: true },
  'bob@northbank.example': { sub: 'bob', email: 'bob@northbank.example', email_verified: true },
  'unverified@northbank.example': { sub: 'unverified', email: 'unverified@northbank.example', email_verified: false },
  'unsaid@northbank.example': { sub: 'unsaid', email: 'unsaid@northbank.example' },
  'nomail@northbank.example': { sub: 'nomail' },
  'eve@evil.example': { sub: 'eve', email: 'eve@evil.example', email_verified: true },
};

const newKey = () => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: randomUUID(), use: 'sig', alg: 'RS256',
});

// startOIDC starts a provider and returns its issuer. POST /test/rotate replaces its keys.
export async function startOIDC({ conformIdTokenClaims }) {
  let provider;
  let handle;
  const server = createServer(async (request, response) => {
    try {
      if (request.method === 'POST' && request.url === '/test/rotate') {
        start();
        response.end();
      } else if (request.url.startsWith('/interaction/')) {
        await interact(provider, request, response);
      } else {
        await handle(request, response);
      }
    } catch (error) {
      console.error(error);
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const client = (client_id, more) => ({
    client_id, client_secret: `secret of ${client_id} that is long enough for HMAC`, redirect_uris,
    grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post', ...more,
  });
  function start() {
    provider = new Provider(issuer, {
      clients: [client('casesync'), client('another'), client('casesync-hmac', { id_token_signed_response_alg: 'HS256' })],
      jwks: { keys: [newKey()] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'] },
      conformIdTokenClaims,
      cookies: { keys: ['of the test'] },
      enabledJWA: { idTokenSigningAlgValues: ['RS256', 'HS256'] },
      features: { devInteractions: { enabled: false } },
      findAccount: (_, id) => ({ accountId: id, claims: async () => Object.values(people).find((p) => p.sub === id) }),
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      pkce: { required: () => true },
      renderError: (ctx, out) => { ctx.body = out; },
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    });
    handle = provider.callback();
  }
  start();
  return issuer;
}

// interact signs in whom the login hint names and gives consent in his name.
async function interact(provider, request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const person = people[params.login_hint];
  let result = { error: 'access_denied', error_description: 'nobody of this name' };
  if (person && prompt.name === 'login') {
    result = { login: { accountId: person.sub } };
  } else if (person) {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}
