import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const CLI = fileURLToPath(new URL('./cli.ts', import.meta.url))
const FIGURES = fileURLToPath(new URL('../../docs/figures/', import.meta.url))
const NAMES = ['dht', 'faults', 'load', 'market', 'residency', 'selection']

/** Small enough for a test, of each simulation. */
const SMALL: Readonly<Record<string, readonly string[]>> = {
  faults: ['--seeds', '3', '--workers', '1'],
  market: ['--seeds', '1', '--hours', '2', '--only', 'base', '--threads', '0'],
  residency: ['--providers', '20', '--pings', '2'],
  selection: ['--seeds', '2', '--providers', '8', '--minutes', '2', '--only', 'router'],
}

function simulate(name: string): { files: readonly string[]; json: string; page: string } {
  const out = mkdtempSync(join(tmpdir(), 'sim-'))
  try {
    const args = [CLI, name, '--seed', '3', '--out', out, ...(SMALL[name] ?? [])]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const read = (file: string) => readFileSync(join(out, file), 'utf8')
    return {
      files: readdirSync(out).sort(),
      json: read(`${name}.json`),
      page: read(`${name}.html`),
    }
  } finally {
    rmSync(out, { recursive: true })
  }
}

test.each(Object.keys(SMALL))(
  '%s: one command gives figures and a page with plots, and the same seed the same of both',
  (name) => {
    const [first, second] = [simulate(name), simulate(name)]
    expect(first.files).toEqual([`${name}.html`, `${name}.json`])
    expect(JSON.parse(first.json)).toBeTypeOf('object')
    expect(first.page).toContain('<svg')
    expect(first.page).not.toMatch(/NaN|undefined|Infinity/u)
    const withoutHeader = (page: string) => page.replace(/<p id="header">.*<\/p>/u, '')
    expect(second.json).toBe(first.json)
    expect(withoutHeader(second.page)).toBe(withoutHeader(first.page))
  },
  240_000,
)

test.each(NAMES)(
  '%s tells its options, and its report of the fixed seed is there to be read',
  (name) => {
    const { status, stdout } = spawnSync(process.execPath, [CLI, name, '--help'], {
      encoding: 'utf8',
    })
    expect(status).toBe(0)
    expect(stdout).toMatch(/^ {2}--\w+/mu)
    expect(existsSync(join(FIGURES, `${name}.json`))).toBe(true)
    expect(readFileSync(join(FIGURES, `${name}.html`), 'utf8')).toContain('<svg')
  },
  240_000,
)

// A whole run of it starts eight processes: test/e2e/load.test.ts does.
test('load refuses what it cannot run before it starts anything', () => {
  const out = mkdtempSync(join(tmpdir(), 'sim-'))
  try {
    const args = [CLI, 'load', '--out', out, '--providers', '0']
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(status).toBe(2)
    expect(stderr).toContain('--providers must be a whole number from 1')
    expect(readdirSync(out)).toEqual([])
  } finally {
    rmSync(out, { recursive: true })
  }
}, 240_000)

test('a name that is none of theirs is told the names', () => {
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'nothing'], { encoding: 'utf8' })
  expect(status).toBe(2)
  expect(stderr).toContain('dht|faults|load|market|residency|selection')
})
