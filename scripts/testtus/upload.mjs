// Uploads a file as a browser's page would, by tus-js-client, and prints the address that it got:
//
//     node upload.mjs ENDPOINT TOKEN CASE FILE
//
// Connections that break, and a server that is away for a while, are what it is tried with: it goes on by itself.
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import * as tus from 'tus-js-client'

const [endpoint, token, ref, file] = process.argv.slice(2)
const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { case: ref, filename: basename(file) },
  uploadSize: statSync(file).size,
  chunkSize: 32 * 1024 * 1024,
  retryDelays: Array.from({ length: 200 }, () => 100),
  onError: error => {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: () => {
    console.log(upload.url)
    process.exit(0)
  },
})
upload.start()
