import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noteSignerOf, signNote } from '@hanse/protocol'
import { signerFrom } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { type BinaryOptions, binarySource } from './binary-source.ts'

const PUBLISHER = noteSignerOf('hanse.example/releases', signerFrom(40))
const OTHER = noteSignerOf('hanse.example/releases', signerFrom(41))
const PROGRAM = Buffer.from('#!/bin/sh\necho new\n'.repeat(5000))
const OLD = '#!/bin/sh\necho old\n'

let folder = ''
let server: Server
let url = ''
/** What each path answers with. */
let routes: Map<string, RequestListener>

const send =
  (body: string | Buffer): RequestListener =>
  (_request, response) =>
    void response.end(body)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-update-'))
  await writeFile(join(folder, 'hanse'), OLD, { mode: 0o755 })
  routes = new Map([
    ['/list', send(list())],
    ['/hanse-linux', send(PROGRAM)],
  ])
  server = createServer((request, response) => {
    const route = routes.get(request.url ?? '')
    if (route === undefined) response.writeHead(404).end()
    else route(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

interface FileChanges {
  readonly sha256?: string
  readonly size?: number
  readonly url?: string
  readonly arch?: string
}

const text = (changes: FileChanges = {}, version = '1.3.0'): string => {
  const sha256 = createHash('sha256').update(PROGRAM).digest('hex')
  const file = { platform: 'linux', arch: 'x64', url: 'hanse-linux', sha256, size: PROGRAM.length }
  return `${JSON.stringify({ version, files: [{ ...file, ...changes }] })}\n`
}
const list = (changes: FileChanges = {}, signer = PUBLISHER): string =>
  signNote(text(changes), signer)

const source = (changes: Partial<BinaryOptions> = {}) =>
  binarySource({
    url: `${url}/list`,
    keys: [PUBLISHER.vkey],
    target: join(folder, 'hanse'),
    platform: 'linux',
    arch: 'x64',
    ...changes,
  })

/** The install fails with this code, and the old program stands as it was, alone. */
async function refused(code: string, changes: Partial<BinaryOptions> = {}): Promise<void> {
  await assert.rejects(source(changes).install('1.3.0'), { code })
  assert.equal(await readFile(join(folder, 'hanse'), 'utf8'), OLD)
  assert.ok(!existsSync(join(folder, 'hanse.new')))
}

describe('a release as one signed file', () => {
  test('takes the place of the program, which is kept beside it', async () => {
    assert.equal(await source().newest(), '1.3.0')
    assert.match(await source().install('1.3.0'), /sha256:[0-9a-f]{64}/u)
    assert.deepEqual(await readFile(join(folder, 'hanse')), PROGRAM)
    assert.equal((await stat(join(folder, 'hanse'))).mode & 0o777, 0o755)
    assert.equal(await readFile(join(folder, 'hanse.previous'), 'utf8'), OLD)
    assert.ok(!existsSync(join(folder, 'hanse.new')))
    // And again: what a cut download left is no obstacle, and the previous one is replaced.
    await writeFile(join(folder, 'hanse.new'), 'half')
    await source().install('1.3.0')
    assert.deepEqual(await readFile(join(folder, 'hanse.previous')), PROGRAM)
  })

  test('is refused when its bytes are not those of the list', async () => {
    const tampered = Buffer.from(PROGRAM)
    tampered[PROGRAM.length - 1] = 0x20
    routes.set('/hanse-linux', send(tampered))
    await refused('HANSE_UPDATE_SIGNATURE')
  })

  test('is refused when the list is signed by another key, or changed, or not signed', async () => {
    for (const body of [
      list({}, OTHER),
      list().replace('1.3.0', '1.3.1'),
      `${text()}\n`,
      text(),
      '<html>',
      '',
      Buffer.from([0xff, 0xfe]),
    ]) {
      routes.set('/list', send(body))
      await refused('HANSE_UPDATE_SIGNATURE')
      await assert.rejects(source().newest(), { code: 'HANSE_UPDATE_SIGNATURE' })
    }
  })

  test('is refused when it is cut, or goes on', async () => {
    routes.set('/hanse-linux', send(PROGRAM.subarray(0, 100)))
    await refused('HANSE_UPDATE_FAILED')
    routes.set('/hanse-linux', (_request, response) => {
      response.writeHead(200, { 'content-length': PROGRAM.length })
      response.write(PROGRAM.subarray(0, 1000), () => response.destroy())
    })
    await refused('HANSE_UPDATE_FAILED')
    let sent = 0
    routes.set('/hanse-linux', (_request, response) => {
      const more = (): void => {
        while (response.write(PROGRAM)) sent += PROGRAM.length
      }
      response.on('drain', more)
      more()
    })
    await refused('HANSE_UPDATE_SIGNATURE')
    assert.ok(sent < 100 * PROGRAM.length, 'the download stops at the size of the list')
  })

  test('is not fetched without https, not even by a redirect', async () => {
    const redirect =
      (to: string): RequestListener =>
      (_request, response) =>
        void response.writeHead(302, { location: to }).end()
    routes.set('/hanse-linux', redirect('http://mirror.example/hanse'))
    await refused('HANSE_UPDATE_FAILED')
    routes.set('/hanse-linux', redirect('file:///etc/passwd'))
    await refused('HANSE_UPDATE_FAILED')
    routes.set('/hanse-linux', redirect('/hanse-linux'))
    await refused('HANSE_UPDATE_FAILED')
    routes.set('/list', send(list({ url: 'http://mirror.example/hanse' })))
    await refused('HANSE_UPDATE_FAILED')
    await refused('HANSE_UPDATE_FAILED', { url: 'http://releases.example/list' })
    routes.set('/list', send(list()))
    routes.set('/hanse-linux', redirect('/moved'))
    routes.set('/moved', send(PROGRAM))
    await source().install('1.3.0')
  })

  test('is refused when the list is of another release or machine, or says nonsense', async () => {
    await assert.rejects(source().install('1.2.0'), { code: 'HANSE_UPDATE_FAILED' })
    await refused('HANSE_UPDATE_FAILED', { arch: 'riscv64' })
    for (const body of [
      text({ size: -1 }),
      text({ sha256: 'x' }),
      text({}, 'latest'),
      '[]\n',
      '{\n',
    ]) {
      routes.set('/list', send(signNote(body, PUBLISHER)))
      await refused('HANSE_UPDATE_FAILED')
    }
    routes.set('/list', send('a'.repeat(2 << 20)))
    await refused('HANSE_UPDATE_FAILED')
    routes.delete('/list')
    await refused('HANSE_UPDATE_FAILED')
  })

  test('leaves nothing behind when the disk is full', async () => {
    const full = async (path: string, flags: string, mode: number): Promise<FileHandle> => {
      const file = await open(path, flags, mode)
      return new Proxy(file, {
        get(target, key) {
          if (key === 'write') {
            return async (part: Uint8Array) => {
              // As a disk does: a part fits, then nothing.
              if ((await target.stat()).size > 0)
                throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
              return await target.write(part, 0, 1000)
            }
          }
          const value: unknown = Reflect.get(target, key)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    }
    await refused('HANSE_DISK_FULL', { openFile: full })
  })
})
