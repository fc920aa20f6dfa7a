import type { Command } from 'commander'
import { z } from 'zod'
import {
  asked,
  creditState,
  measurementQuery,
  toMeasurements,
} from '../api/service-level-schemas.ts'
import { SettlementError } from '../errors.ts'
import { ROOT } from '../operators/operator.ts'
import type { Errand } from './operator-call.ts'

type Flags = Record<string, unknown>
/** Makes a command of the program, which takes every setting. */
type Make = (parent: Command, name: string, description: string) => Command
/** Does an errand, or says on standard error why not. */
type Do = (errand: (flags: Flags) => Promise<Errand> | Errand) => (flags: Flags) => Promise<void>

const LIST_MAX = 500

/** `sla levels | credits | approve | waive | measurements`. */
export function slaCommands(program: Command, make: Make, run: Do): void {
  const sla = program.command('sla').description('look after service levels and their credits')
  make(sla, 'levels', 'everything that was promised, the newest first').action(run(() => LEVELS))
  make(sla, 'credits', 'credits for missed service levels')
    .option('--state <state>', 'proposed, posted or waived')
    .option('--organization <id>', 'of this one alone')
    .action(run(creditsErrand))
  make(sla, 'approve <credit>', 'post a proposed credit')
    .option('--note <text>', 'why')
    .action((credit: string, flags: Flags) =>
      run((given) => decide(credit, 'approve', given))(flags),
    )
  make(sla, 'waive <credit>', 'decide that a proposed credit is not given')
    .requiredOption('--note <text>', 'why; the organization sees it')
    .action((credit: string, flags: Flags) => run((given) => decide(credit, 'waive', given))(flags))
  make(sla, 'measurements', 'how sessions went, as both sides signed it')
    .requiredOption('--from <time>', 'a whole hour, such as 2026-10-01T00:00:00Z')
    .requiredOption('--to <time>', 'the hour after the last')
    .option('--group <group>', 'provider, model or day', 'provider')
    .option('--organization <id>', 'of this one alone')
    .option('--provider <peer-id>', 'of this one alone')
    .action(run(measurementsErrand))
}

const LEVELS: Errand = {
  method: 'GET',
  path: `/v1/admin/service-levels?limit=${LIST_MAX}`,
  onStore: async (store) => ({ levels: await store.serviceLevels({ limit: LIST_MAX }) }),
}

const creditFlags = z.object({ state: creditState.optional(), organization: z.string().optional() })

function creditsErrand(flags: Flags): Errand {
  const { state, organization } = read(creditFlags, flags)
  const query = {
    ...(state !== undefined && { state }),
    ...(organization !== undefined && { organization }),
  }
  return {
    method: 'GET',
    path: `/v1/admin/service-credits?${queryOf(query)}`,
    onStore: async (store) => ({
      credits: await store.serviceCredits({ ...query, after: '', limit: LIST_MAX }),
    }),
  }
}

function decide(credit: string, decision: 'approve' | 'waive', flags: Flags): Errand {
  const { note } = read(noteFlag, flags)
  const said = note ?? null
  return {
    method: 'POST',
    path: `/v1/admin/service-credits/${encodeURIComponent(credit)}/${decision}`,
    body: said === null ? {} : { note: said },
    onService: ({ context: { store, now } }) => {
      const given = { id: credit, by: ROOT.id, note: said, at: now() }
      return decision === 'approve'
        ? store.approveServiceCredit(given)
        : store.waiveServiceCredit(given)
    },
  }
}

const noteFlag = z.object({ note: z.string().optional() })

/** Of all flags, those that go to the service as they were given. */
const shown = z.object({
  from: z.string(),
  to: z.string(),
  group: z.string(),
  organization: z.string().optional(),
  provider: z.string().optional(),
})

const measurementFlags = measurementQuery.omit({ after: true, limit: true }).extend({
  organization: z.string().optional(),
  provider: z.string().optional(),
})

function measurementsErrand(flags: Flags): Errand {
  const texts = read(shown, flags)
  const { organization, provider, ...query } = read(measurementFlags, texts)
  return {
    method: 'GET',
    path: `/v1/admin/service-measurements?${queryOf(texts)}`,
    onStore: async (store) =>
      toMeasurements(
        LIST_MAX,
        await store.serviceMeasurements({
          ...asked({ ...query, limit: LIST_MAX }),
          ...(organization !== undefined && { organization }),
          ...(provider !== undefined && { provider }),
        }),
      ),
  }
}

function queryOf(given: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams({ limit: String(LIST_MAX) })
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) query.set(name, value)
  }
  return query.toString()
}

/** @throws {SettlementError} HANSE_CONFIG_INVALID */
function read<Shape extends z.ZodType>(schema: Shape, flags: Flags): z.output<Shape> {
  const parsed = schema.safeParse(flags)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new SettlementError(
    'HANSE_CONFIG_INVALID',
    `--${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  )
}
