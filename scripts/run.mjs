// The commands of package.json. Plain JavaScript for any Node, because nothing may be installed when it starts.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.hanse-installed')

const VITEST = 'node_modules/vitest/vitest.mjs'

const tasks = {
  demo: ['scripts/demo/start.ts'],
  test: [
    VITEST,
    'run',
    ...['unit', 'browser', 'end-to-end'].flatMap((name) => ['--project', name]),
  ],
  'test:long': [VITEST, 'run', '--project', 'long'],
  'test:web': [VITEST, 'run', '--project', 'end-to-end', 'test/web'],
  'web:shots': ['test/web/shots.ts'],
  bench: ['scripts/bench.ts'],
  'bench:browser': ['test/bench/browser.ts'],
  'bench:eu': ['test/bench/eu-mode.ts'],
  'bench:first-token': ['test/bench/first-token.ts'],
  'bench:gateway': ['test/bench/gateway.ts'],
  'bench:protocol': ['test/bench/protocol.ts'],
  'bench:provider': ['test/bench/provider.ts'],
  'bench:settlement': ['test/bench/settlement.ts'],
  'bench:start': ['test/bench/start.ts'],
  'bench:web': ['test/bench/web.ts'],
  'test:soak': ['test/soak/soak.ts'],
  fuzz: ['test/fuzz/fuzz.ts'],
  sim: ['simulations/src/cli.ts'],
  'sim:faults': ['simulations/src/faults/cli.ts'],
  'sim:residency': ['simulations/src/residency/cli.ts'],
  'sim:selection': ['simulations/src/market-selection/cli.ts'],
}

const [task, ...rest] = process.argv.slice(2)
if (!(task in tasks)) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(tasks).join('|')} [arguments]`)
  process.exit(2)
}
install()
// The project's own Node, whatever started this.
const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
const path = [join(modules, '.bin'), process.env.PATH].join(
  process.platform === 'win32' ? ';' : ':',
)
const env = { ...process.env, PATH: path }
process.exit(run(existsSync(node) ? node : process.execPath, [...tasks[task], ...rest], env))

/** Installs what the lock file says, when it has changed since the last time. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('Installing dependencies (npm ci), once: about 500 packages, a minute or two…')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  // Progress goes to standard error: the last line of standard output may be for a program.
  const code = run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], process.env, [
    'ignore',
    2,
    2,
  ])
  if (code !== 0) {
    console.error('npm ci failed; see its messages above.')
    process.exit(code)
  }
  writeFileSync(stamp, lock)
}

function run(command, args, env, stdio = 'inherit') {
  // Ctrl-C reaches the child too, which shuts down and tells how it ended.
  process.on('SIGINT', () => {})
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio })
  if (error) console.error(error.message)
  return status ?? 1
}
