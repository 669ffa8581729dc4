// Identity providers for tests: three of OpenID Connect (oidc-provider) and one of SAML (samlp), each
// on a port of its own on 127.0.0.1. People sign in by their login hint alone; everything else is
// the real protocol.
//
// The first line on standard input is JSON: {"samlKey": PEM, "samlCert": PEM}. The answer is a line
// of JSON with the addresses. The process ends when standard input does.
import { createInterface } from 'node:readline';
import { startOIDC } from './oidc.mjs';
import { startSAML } from './saml.mjs';

// What oidc-provider says to whoever might use it so in production.
console.info = console.warn = () => {};

const lines = createInterface({ input: process.stdin });
lines.once('line', async (line) => {
  const given = JSON.parse(line);
  console.log(JSON.stringify({
    // One gives e-mail addresses at the userinfo endpoint alone, as the standard has it; the other
    // in the id token too, as many do.
    oidc: await startOIDC({ conformIdTokenClaims: true }),
    otherOIDC: await startOIDC({ conformIdTokenClaims: false }),
    rotatingOIDC: await startOIDC({ conformIdTokenClaims: false }),
    saml: await startSAML(given.samlKey, given.samlCert),
  }));
});
lines.once('close', () => process.exit(0));
