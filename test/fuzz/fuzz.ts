import { parseArgs } from 'node:util'
import type { Target } from '@hanse/protocol/testing/fuzz'
import type { Failed } from './job.ts'
import { runTarget } from './run-target.ts'

// `npm run fuzz -- --seconds 600` feeds every decoder, verifier and state machine of the protocol with hostile input.

const HELP = `Usage: npm run fuzz -- [options]

  --seconds <n>     in all, shared by the targets (default: 60)
  --target <name>   only this one; may be given again
  --seed <n>        of the first batch (default: random)
  --input <hex>     only this input, for one target
  --list            name the targets
`

/** A longer input is printed, and found again by its seed. */
const COMMAND_HEX_MAX = 2000
const MODULE = '@hanse/protocol/testing/fuzz'

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      target: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 30)) },
      input: { type: 'string' },
      /** Where the targets are; for tests of this program. */
      module: { type: 'string', default: MODULE },
      'hang-ms': { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const { TARGETS } = (await import(values.module)) as { TARGETS: readonly Target[] }
  const all = TARGETS.map(({ name }) => name)
  const unknown = values.target.find((name) => !all.includes(name))
  if (values.list || unknown !== undefined) {
    console.log(unknown === undefined ? all.join('\n') : `no target ${unknown}; see --list`)
    process.exitCode = unknown === undefined ? 0 : 2
    return
  }
  const names = values.target.length > 0 ? values.target : all
  const seconds = Number(values.seconds) / names.length
  const seed = Number(values.seed)
  const watch = values['hang-ms'] === undefined ? {} : { hangMs: Number(values['hang-ms']) }
  console.log(`seed ${seed}, ${seconds.toFixed(1)} s for each of ${names.length} targets`)
  for (const target of names) {
    const { module, input } = values
    const result = await runTarget({ module, target, seed, seconds, input }, watch)
    if (result.type === 'failed') {
      report(target, result)
      process.exitCode = 1
      return
    }
    const rate = Math.round((1000 * result.executions) / result.ms)
    console.log(
      `${target.padEnd(30)} ${String(result.executions).padStart(9)} ${String(rate).padStart(8)}/s`,
    )
  }
}

function report(target: string, { seed, input, error }: Failed): void {
  const isShort = input !== '' && input.length <= COMMAND_HEX_MAX
  const how = isShort ? `--input ${input}` : `--seed ${seed}`
  console.error(`
FAILED  ${target}
seed    ${seed}
input   ${input === '' ? '(none, or too long)' : input}
${error}

Again, with the smallest input: npm run fuzz -- --target ${target} ${how}
Again, as it was found:         npm run fuzz -- --target ${target} --seed ${seed}`)
}

if (import.meta.main) await main()
