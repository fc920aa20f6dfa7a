import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { markdownGateways } from './gateway/markdown.ts'
import { measureGateways } from './gateway/measure.ts'
import { printGateways } from './gateway/report.ts'
import { Rig, SIDE_NAMES } from './gateway/rig.ts'
import { FULL, QUICK, warmUp } from './gateway/scenarios.ts'
import { select } from './gateway/selection.ts'
import { outcomes } from './gateway/targets.ts'
import { versions } from './gateway/versions.ts'
import { machineFacts } from './report.ts'

const USAGE = `usage: npm run bench:gateway -- [options]

The ways to one engine that costs next to nothing, side by side, in turns in each round:
  direct    the engine itself
  pipe      a bare HTTP pipe of Node in front of it
  pipes     two of them in series: what two hops cost whatever runs in them, as gateway and provider are
  hanse     our gateway, libp2p, our provider; encrypted, with receipts that both sides sign
  portkey   Portkey's gateway

  --json FILE           where the figures are written (default: bench-results/gateway.json)
  --quick               a rough run of some seconds
  --only NAMES          these sides and scenarios alone, with commas: --only hanse,pipes,streams-64
                        (sides: ${SIDE_NAMES.join(', ')};
                        scenarios: ${FULL.scenarios.map(({ id }) => id).join(', ')})
  --rounds N            how often everything is measured (default: ${FULL.rounds}, quick: ${QUICK.rounds})
  --tokens-per-chunk N  how many tokens the engine puts into one chunk of HTTP (default: 1, as engines do)
  --markdown FILE       the figures as tables of Markdown, for docs/benchmarks.md
  --cpu-prof FOLDER     CPU profiles of provider and gateway; their own cost is in the figures then
  --check               ends with 1 when a target is missed`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/gateway.json' },
      markdown: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      'tokens-per-chunk': { type: 'string', default: '1' },
      'cpu-prof': { type: 'string' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const scale = values.quick ? QUICK : FULL
  const { sides, scenarios } = select(values.only, scale.scenarios)
  const rounds = countOf('--rounds', values.rounds ?? String(scale.rounds))
  const tokensPerChunk = countOf('--tokens-per-chunk', values['tokens-per-chunk'])
  const cpuProfDir = values['cpu-prof']
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  progress(`starting ${sides.join(', ')}…`)
  await using rig = await Rig.start({
    sides,
    tokensPerChunk,
    ...(cpuProfDir === undefined ? {} : { cpuProfDir }),
  })
  progress('warming up…')
  for (const { target } of rig.sides) await warmUp(target, scale.warmUpAnswers)
  const results = await measureGateways(rig.sides, scenarios, rounds, (done) =>
    progress(`round ${done} of ${rounds}`),
  )
  const targets = outcomes(results.figures)
  console.log(printGateways(results, targets, sides, machine))
  const facts = { benchmark: 'gateway', quick: values.quick, rounds, tokensPerChunk, startedAt }
  mkdirSync(dirname(values.json), { recursive: true })
  writeFileSync(
    values.json,
    `${JSON.stringify({ ...facts, machine, versions: versions(), ...results, targets }, null, 2)}\n`,
  )
  progress(`written to ${values.json}`)
  if (values.markdown !== undefined) {
    writeFileSync(values.markdown, markdownGateways(results, targets, sides, { machine, rounds }))
    progress(`written to ${values.markdown}`)
  }
  if (values.check && targets.some(({ met }) => !met)) process.exitCode = 1
}

/** @throws {RangeError} when it is no whole number above zero */
function countOf(option: string, text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`${option} ${text}: 1 or more`)
  return count
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

await main()
