// Prints the CID that ipfs-unixfs-importer gives to contents of the sizes on the command line.
// Byte i of a content is (i * 7 + (i >> 8)) mod 251. Run from a folder with node_modules.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const modules = process.argv[2]
const load = (name) => import(pathToFileURL(path.join(modules, name, 'dist/src/index.js')).href)
const { importer } = await load('ipfs-unixfs-importer')
const memory = await import(
  pathToFileURL(path.join(modules, 'blockstore-core', 'dist/src/memory.js')).href
)

function content (size) {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8)) % 251
  return bytes
}

for (const size of process.argv.slice(3).map(Number)) {
  const store = new memory.MemoryBlockstore()
  for await (const entry of importer([{ content: content(size) }], store, {
    profile: 'unixfs-v1-2025'
  })) {
    console.log(size, entry.cid.toString())
  }
}
