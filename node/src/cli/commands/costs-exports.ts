import { writeFile } from 'node:fs/promises'
import type { Answer, Body } from '@hanse/client'
import { Command, Option } from 'commander'
import { usage } from '../log-options.ts'
import { table } from '../output.ts'
import { type SpendingCall, spendingCommand } from '../spending/spending-command.ts'
import { clean } from '../terminal-text.ts'

type Schedule = Answer<'/v1/exports/schedules', 'post'>
type NewSchedule = Body<'/v1/exports/schedules', 'post'>

const CONTENTS = ['usage', 'focus', 'showback'] as const
const FORMATS = ['csv', 'jsonl', 'json'] as const
const EVERY = ['day', 'week', 'month'] as const
/** Of the history; the API has the rest. */
const RUNS_SHOWN = 50

/** `hanse costs exports …` */
export function exportsCommand(): Command {
  return new Command('exports')
    .description('Files of usage and costs that are made by themselves.')
    .exitOverride()
    .addCommand(spendingCommand('list', 'All schedules.', list), { isDefault: true })
    .addCommand(
      spendingCommand('add', 'Make a file of each day, week or month.', add)
        .argument('<name>', 'what it is called')
        .addOption(
          new Option('--content <what>', 'what is in it').choices(CONTENTS).default('usage'),
        )
        .addOption(
          new Option('--format <format>', 'usage and focus: csv, jsonl; showback: csv, json')
            .choices(FORMATS)
            .default('csv'),
        )
        .addOption(new Option('--every <period>', 'how often').choices(EVERY).default('month'))
        .option('--keep-days <days>', 'how long a file can be had, up to 400')
        .option('--put-to <url>', 'https address that each file is put to; {file} is its name'),
    )
    .addCommand(
      spendingCommand('target', 'Put the files of a schedule elsewhere.', setTarget)
        .argument('<schedule>', 'id, or name')
        .argument('<url>', 'https address, or none'),
    )
    .addCommand(
      spendingCommand(
        'remove',
        'End a schedule; its files stay until their time is over.',
        remove,
      ).argument('<schedule>', 'id, or name'),
    )
    .addCommand(
      spendingCommand('runs', `The last ${RUNS_SHOWN} files, and what failed.`, runs).option(
        '--schedule <schedule>',
        'id, or name',
      ),
    )
    .addCommand(
      spendingCommand('retry', 'Try once more what was given up.', retry).argument('<run>', 'id'),
    )
    .addCommand(
      spendingCommand('get', 'Fetch a file.', fetchFile)
        .argument('<run>', 'id')
        .option('--out <path>', 'where to write it (default: standard output)'),
    )
}

async function list({ client, json }: SpendingCall): Promise<void> {
  const { schedules } = await client.get('/v1/exports/schedules')
  if (json) console.log(JSON.stringify({ schedules }))
  else console.log(tableOf(schedules))
}

async function add({ client, json, flags, args: [name = ''] }: SpendingCall): Promise<void> {
  const { keepDays, putTo, content, format, every } = flags
  // Commander let nothing else through.
  const chosen = { content, format, every } as Pick<NewSchedule, 'content' | 'format' | 'every'>
  const body: NewSchedule = {
    name,
    ...chosen,
    ...(keepDays !== undefined && { keepDays: daysOf(keepDays) }),
    ...(typeof putTo === 'string' && { putTo }),
  }
  const made = await client.post('/v1/exports/schedules', { body })
  console.log(json ? JSON.stringify(made) : tableOf([made]))
}

async function setTarget({
  client,
  json,
  args: [which = '', url = ''],
}: SpendingCall): Promise<void> {
  const { id, name } = await find(client, which)
  const body = { putTo: url === 'none' ? null : url }
  const done = await client.put('/v1/exports/schedules/{id}/target', {
    params: { path: { id } },
    body,
  })
  console.log(json ? JSON.stringify(done) : `files of ${clean(name)} are put there from now on`)
}

async function remove({ client, json, args: [which = ''] }: SpendingCall): Promise<void> {
  const { id, name } = await find(client, which)
  const done = await client.delete('/v1/exports/schedules/{id}', { params: { path: { id } } })
  console.log(json ? JSON.stringify(done) : `schedule ${clean(name)} ended`)
}

async function runs({ client, json, flags }: SpendingCall): Promise<void> {
  const { schedule } = flags
  const of = typeof schedule === 'string' ? (await find(client, schedule)).id : undefined
  const query = { limit: RUNS_SHOWN, ...(of !== undefined && { schedule: of }) }
  const { runs: found } = await client.get('/v1/exports/runs', { params: { query } })
  if (json) {
    console.log(JSON.stringify({ runs: found }))
    return
  }
  const rows = found.map(({ id, from, to, state, fileName, failure }) => [
    day(from),
    day(to),
    state,
    clean(failure ?? fileName ?? ''),
    id,
  ])
  console.log(
    rows.length === 0
      ? 'No files yet: the first is made six hours after its period has ended'
      : table([['FROM', 'TO', 'STATE', 'FILE', 'ID'], ...rows]),
  )
}

async function retry({ client, json, args: [id = ''] }: SpendingCall): Promise<void> {
  const done = await client.post('/v1/exports/runs/{id}/retry', { params: { path: { id } } })
  console.log(json ? JSON.stringify(done) : `${id} is tried again`)
}

async function fetchFile({ client, flags, args: [id = ''] }: SpendingCall): Promise<void> {
  const file = await client.get('/v1/exports/runs/{id}/file', { params: { path: { id } } })
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  if (typeof flags.out === 'string') await writeFile(flags.out, text)
  else process.stdout.write(text)
}

/** By its id, or by a name that only one has. @throws {HanseError} HANSE_CONFIG_INVALID */
async function find(client: SpendingCall['client'], which: string): Promise<Schedule> {
  const { schedules } = await client.get('/v1/exports/schedules')
  const found = schedules.filter(({ id, name }) => id === which || name === which)
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const why =
    only === undefined ? `there is no schedule ${which}` : `several schedules are called ${which}`
  throw usage(`${why}; see \`hanse costs exports\``)
}

function tableOf(schedules: readonly Schedule[]): string {
  if (schedules.length === 0)
    return 'No schedules. Make one: hanse costs exports add <name> --content focus --every day'
  const rows = schedules.map(({ id, name, content, format, every, keepDays, target }) => [
    clean(name),
    `${content}, ${format}`,
    every,
    `${keepDays} days`,
    clean(target ?? ''),
    id,
  ])
  return table([['NAME', 'WHAT', 'EACH', 'KEPT', 'PUT TO', 'ID'], ...rows])
}

function daysOf(given: unknown): number {
  const days = Number(given)
  if (Number.isInteger(days) && days >= 1) return days
  throw usage('--keep-days: a whole number')
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
