import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { installService, uninstallService } from './install-service.ts'
import { launchdPlist } from './launchd-plist.ts'
import { isUnchanged, marked } from './marked-file.ts'
import type { ServicePlan } from './service-plan.ts'
import { supervisorOf } from './supervisor.ts'
import { systemdUnit } from './systemd-unit.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse service '))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const plan = (changes: Partial<ServicePlan> = {}): ServicePlan => ({
  program: 'provider',
  command: ['/opt/node 24/bin/node', '/opt/hanse/hanse.mjs', 'provider', '--country', 'DE'],
  workingDirectory: '/home/me',
  writable: [join(folder, 'data')],
  environmentFile: join(folder, 'data', 'service.env'),
  drainMs: 30_000,
  memoryMax: undefined,
  runAs: undefined,
  ...changes,
})
const systemd = () =>
  supervisorOf({
    platform: 'linux',
    systemd: true,
    system: false,
    env: { XDG_CONFIG_HOME: join(folder, 'config') },
  })
const options = { force: false, start: true, secrets: [['HANSE_KEY', 'a key']] } as const

describe('a unit of systemd', () => {
  test('is hardened, restarts after failures and waits for running answers', () => {
    const lines = systemdUnit(plan()).split('\n')
    for (const line of [
      'ExecStart=":/opt/node 24/bin/node" "/opt/hanse/hanse.mjs" "provider" "--country" "DE"',
      'Restart=on-failure',
      'RestartPreventExitStatus=2',
      'KillSignal=SIGTERM',
      'TimeoutStopSec=60',
      'LimitNOFILE=65536',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      `ReadWritePaths="${join(folder, 'data')}"`,
      `EnvironmentFile=-${join(folder, 'data', 'service.env')}`,
      'WantedBy=default.target',
    ])
      assert.ok(lines.includes(line), line)
    assert.ok(!lines.some((line) => /^(?:User|MemoryMax|After)=/u.test(line)))
  })

  test('of the machine runs as a user, after the network', () => {
    const lines = systemdUnit(plan({ runAs: 'hanse', memoryMax: '8G' })).split('\n')
    for (const line of ['User=hanse', 'MemoryMax=8G', 'After=network-online.target'])
      assert.ok(lines.includes(line), line)
    assert.ok(lines.includes('WantedBy=multi-user.target'))
  })

  test('never gets a second line out of a flag', () => {
    const command = ['/node', 'a\nExecStartPost=/bin/rm -rf /'] as const
    assert.throws(() => systemdUnit(plan({ command })), { code: 'HANSE_CONFIG_INVALID' })
    const quoted = ['/a"b/node'] as const
    assert.throws(() => systemdUnit(plan({ command: quoted })), { code: 'HANSE_CONFIG_INVALID' })
  })
})

describe('an agent of launchd', () => {
  test('escapes what XML would read', () => {
    const command = ['/node', '--models', 'a<b>&"c"'] as const
    const text = launchdPlist(plan({ command }), folder)
    assert.match(text, /<string>a&lt;b&gt;&amp;"c"<\/string>/u)
    assert.match(text, /<key>ExitTimeOut<\/key>\s*<integer>60<\/integer>/u)
  })

  test('gives the program the secrets of the file, and its arguments as they were', async () => {
    const environmentFile = join(folder, 'service.env')
    await writeFile(environmentFile, 'HANSE_KEY="s p $x"\n')
    const command = [
      process.execPath,
      '-e',
      'console.log(JSON.stringify([process.env.HANSE_KEY, process.argv[1]]))',
      "it's $HOME",
    ] as const
    const words = launchdPlist(plan({ command, environmentFile }), folder)
      .match(/<key>ProgramArguments<\/key>\s*<array>(.*)<\/array>/u)?.[1]
      ?.split('</string>')
      .map((word) => word.replace('<string>', ''))
      .map((word) => word.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'))
    assert.ok(words !== undefined)
    const [shell = '', ...args] = words.slice(0, -1)
    const { stdout } = await promisify(execFile)(shell, args, { env: {} })
    assert.deepEqual(JSON.parse(stdout), ['s p ', "it's $HOME"])
  })
})

describe('installing', () => {
  test('writes the file, makes the folder, keeps secrets to the owner, and starts', async () => {
    const ran: string[] = []
    const run = async (command: readonly string[]) =>
      await Promise.resolve(`${ran.push(command.join(' '))}`)
    const path = await installService(systemd(), plan(), options, run)
    assert.equal(path, join(folder, 'config/systemd/user/hanse-provider.service'))
    assert.ok(isUnchanged(await readFile(path, 'utf8')))
    assert.deepEqual(ran, [
      'systemctl --user daemon-reload',
      'systemctl --user enable hanse-provider.service',
      'systemctl --user restart hanse-provider.service',
    ])
    const secrets = await stat(join(folder, 'data', 'service.env'))
    assert.equal(secrets.mode & 0o777, 0o600)
    assert.equal((await stat(join(folder, 'data'))).mode & 0o777, 0o700)

    // Again, with other settings: ours is replaced, the secrets stay.
    await writeFile(join(folder, 'data', 'service.env'), 'HANSE_KEY=1\n')
    await installService(systemd(), plan({ drainMs: 1000 }), { ...options, start: false }, run)
    assert.match(await readFile(path, 'utf8'), /TimeoutStopSec=31/u)
    assert.equal(await readFile(join(folder, 'data', 'service.env'), 'utf8'), 'HANSE_KEY=1\n')
    assert.equal(ran.length, 3)
  })

  test('does not overwrite or remove what its owner has changed, unless told to', async () => {
    const run = async () => await Promise.resolve('')
    const path = await installService(systemd(), plan(), options, run)
    const changed = (await readFile(path, 'utf8')).replace('RestartSec=5', 'RestartSec=50')
    await writeFile(path, changed)
    const refused = { code: 'HANSE_CONFIG_INVALID', message: /changed by hand/u }
    await assert.rejects(installService(systemd(), plan(), options, run), refused)
    await assert.rejects(uninstallService(systemd(), 'provider', { force: false }, run), refused)
    assert.equal(await readFile(path, 'utf8'), changed)
    await installService(systemd(), plan(), { ...options, force: true }, run)
    assert.ok(isUnchanged(await readFile(path, 'utf8')))
  })

  test('is undone by uninstalling, once', async () => {
    const ran: string[] = []
    const run = async (command: readonly string[]) =>
      await Promise.resolve(`${ran.push(command.join(' '))}`)
    const path = await installService(systemd(), plan(), { ...options, start: false }, run)
    assert.equal(await uninstallService(systemd(), 'provider', { force: false }, run), path)
    assert.ok(!existsSync(path))
    assert.deepEqual(ran, [
      'systemctl --user disable --now hanse-provider.service',
      'systemctl --user daemon-reload',
    ])
    assert.equal(await uninstallService(systemd(), 'provider', { force: false }, run), undefined)
  })

  test('says what to do where there is no supervisor', () => {
    for (const platform of ['linux', 'win32', 'freebsd', 'darwin'] as const) {
      assert.throws(
        () => supervisorOf({ platform, systemd: false, system: true, env: {} }),
        (error: Error) => error.message.length > 40,
      )
    }
  })
})

test('a file whose last line says another digest counts as changed', () => {
  assert.ok(isUnchanged(marked('a\n# b\n', 'hash')))
  assert.ok(isUnchanged(marked('<a>\n', 'xml')))
  assert.ok(!isUnchanged('a\n'))
  assert.ok(!isUnchanged(marked('a\n', 'hash').replace('a', 'b')))
  assert.ok(!isUnchanged(`${marked('a\n', 'hash')}more\n`))
})
