import { createServer } from 'node:http';
import samlp from 'samlp';

// startSAML starts a provider and returns its address; metadata is at /metadata and sign-in at
// /sso. What samlp should do otherwise comes as JSON in the query's "options"; "user" in it names
// who signs in.
export async function startSAML(key, cert) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    const fail = (error) => {
      response.statusCode = 500;
      response.end(String(error?.stack ?? error));
    };
    // What samlp takes of Express.
    request.query = Object.fromEntries(url.searchParams);
    request.originalUrl = request.url;
    request.protocol = 'http';
    response.set = (name, value) => response.setHeader(name, value);
    response.send = (body) => (typeof body === 'number' ? fail(`status ${body}`) : response.end(body));
    const issuer = `http://${request.headers.host}/metadata`;
    if (url.pathname === '/metadata') {
      samlp.metadata({ issuer, cert, redirectEndpointPath: '/sso', postEndpointPath: '/sso' })(request, response);
      return;
    }
    const { user = 'ada', email = `${user}@northbank.example`, ...options } = JSON.parse(request.query.options ?? 'null') ?? {};
    const acs = 'https://casesync.test/sign-in/saml';
    samlp.auth({
      issuer, key, cert, recipient: acs, destination: acs, lifetimeInSeconds: 300,
      getPostURL: (audience, dom, req, callback) => callback(null, acs),
      getUserFromRequest: () => ({
        id: user, displayName: user, name: { givenName: user, familyName: user }, emails: email ? [{ value: email }] : [],
      }),
      ...options,
    })(request, response, fail);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}
