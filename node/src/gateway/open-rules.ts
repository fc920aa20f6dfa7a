import { HanseError, type PicoEuro } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { Account } from '../consumer/request.ts'
import type { AuditEvent } from '../log/audit-events.ts'
import { type Basis, LawfulBasis } from '../privacy/lawful-basis.ts'
import { Retention } from '../privacy/retention.ts'
import type { NodeStore } from '../store/node-store.ts'
import { OWNER } from '../store/spend-store.ts'
import { type GatewayControl, GatewayDesk } from './gateway-control.ts'
import type { Anonymous } from './keys/anonymous.ts'
import type { BudgetTerms } from './keys/budget.ts'
import { KeyBook, type VirtualKey } from './keys/key-book.ts'
import { KeyGate } from './keys/key-gate.ts'
import type { Period } from './keys/period.ts'
import { SpendLedger } from './keys/spend-ledger.ts'
import { OrganizationRules } from './organization/organization-rules.ts'

export interface DeskParts {
  readonly store: Pick<NodeStore, 'keys' | 'spend' | 'privacy' | 'spotChecks' | 'notes'>
  readonly euAudit: boolean
  /** Into the node’s own log. */
  readonly note: (event: Exclude<AuditEvent, { kind: 'session' }>) => void
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>
}

export interface RulesSettings {
  readonly apiKey: string | undefined
  readonly anonymous: Anonymous
  readonly budget: PicoEuro | undefined
  readonly budgetPeriod: Period
  readonly defaultMaxTokens: number
  /** Whether what the organization rules at settlement counts here. */
  readonly rules?: 'on' | 'fail-closed' | 'off'
  readonly lawfulBasis: Basis | undefined
  readonly retainRequestsDays: number
  readonly retainOpeningsDays: number
  readonly retainMetadataDays: number
}

/** Everything by which the owner of a gateway rules who may use it, what that may cost, and what is kept. */
export interface Rules extends AsyncDisposable {
  readonly gate: KeyGate
  readonly control: GatewayControl
  readonly book: KeyBook
  /** What the organization rules; `undefined` where that is off. */
  readonly organization: OrganizationRules | undefined
  /** `undefined` where EU mode is off; so is retention. */
  readonly basis: LawfulBasis | undefined
  readonly retention: Retention | undefined
  /**
   * Whose money it costs what this node asks for by itself.
   *
   * @throws {HanseError} HANSE_CONSENT_REQUIRED
   */
  ownAccount(tag: string): Account | undefined
}

export function openRules(settings: RulesSettings, parts: DeskParts): Rules {
  const { store, euAudit, now, log } = parts
  let gate: KeyGate | undefined
  const { rules: mode = 'on' } = settings
  const organization =
    mode === 'off'
      ? undefined
      : new OrganizationRules({
          store: store.spend,
          mode,
          now,
          idsOf: (key) => idsOf(book, key),
        })
  const { book, ledger, basis, control } = openParts(parts, {
    budget:
      settings.budget === undefined
        ? undefined
        : { limit: settings.budget, period: settings.budgetPeriod },
    organization,
    onKey: (key) => gate?.keyChanged(key),
    onWithdrawn: () =>
      gate?.stopAll(new HanseError('HANSE_CONSENT_REQUIRED', 'the lawful basis was withdrawn')),
  })
  gate = new KeyGate({
    book,
    ledger,
    organization,
    masterKey: settings.apiKey,
    anonymous: settings.anonymous,
    defaultMaxTokens: settings.defaultMaxTokens,
    keyOf: (session) => store.spend.keyOf(session),
    requireBasis: () => basis?.require(),
    now,
  })
  if (settings.lawfulBasis !== undefined && basis?.giveBySetting(settings.lawfulBasis) === true)
    log.info({ basis: settings.lawfulBasis }, 'lawful basis recorded')
  const retention = euAudit ? openRetention(settings, parts) : undefined
  return {
    gate,
    control,
    book,
    organization,
    basis,
    retention,
    ownAccount: (tag) => {
      basis?.require()
      const limitedBy = 'max_tokens of the request'
      return ledger.account({ key: OWNER, name: OWNER, tags: [tag], limitedBy })
    },
    [Symbol.asyncDispose]: async () => {
      book[Symbol.dispose]()
      await retention?.[Symbol.asyncDispose]()
    },
  }
}

/** The owner has no row in the book. */
function idsOf(book: KeyBook, key: string): string[] {
  const known = book.list().find(({ id }) => id === key)
  return known === undefined ? [key] : [key, known.name]
}

/** For a gateway that does not run. */
export function openDesk(parts: DeskParts): GatewayControl {
  const setBudget = ({ id, terms }: VirtualKey): void =>
    ledger.setBudget(id, { limit: terms.budget, period: terms.period })
  const { control, book, ledger } = openParts(parts, { onKey: setBudget })
  for (const key of book.list()) setBudget(key)
  return control
}

interface Listening {
  /** Of the whole node. */
  readonly budget?: BudgetTerms | undefined
  readonly organization?: OrganizationRules | undefined
  readonly onKey: (key: VirtualKey) => void
  readonly onWithdrawn?: () => void
}

function openParts(
  { store, euAudit, note, now, random, log }: DeskParts,
  { budget, organization, onKey, onWithdrawn }: Listening,
) {
  const ledger = new SpendLedger(store.spend, {
    now,
    budget,
    organization,
    noteUser: (session, user) => store.notes.setUser(session, user),
    onStop: ({ key, from }) => {
      log.warn({ key: key ?? 'all', from }, 'a budget stops requests')
      note({ kind: 'budget-stop', key: key ?? null, from, at: now() })
    },
    onFailure: (error) =>
      log.error({ cause: messageOf(error) }, 'what a session cost could not be read'),
  })
  const book = new KeyBook(store.keys, {
    now,
    random,
    onChange: (key, action) => {
      note({ kind: 'key', action, key: key.id, at: now() })
      log.info({ key: key.id, name: key.name }, `key ${action}`)
      onKey(key)
    },
  })
  const basis = euAudit
    ? new LawfulBasis(store.privacy, {
        now,
        onChange: (action, { purpose, basis: stated, version }) => {
          note({ kind: 'lawful-basis', action, purpose, basis: stated, version, at: now() })
          log.info({ basis: stated }, `lawful basis ${action}`)
          if (action === 'withdrawn') onWithdrawn?.()
        },
      })
    : undefined
  return { ledger, book, basis, control: new GatewayDesk({ book, ledger, basis, now }) }
}

function openRetention(settings: RulesSettings, { store, note, now, log }: DeskParts): Retention {
  return new Retention(store, {
    terms: {
      requests: settings.retainRequestsDays,
      openings: settings.retainOpeningsDays,
      metadata: settings.retainMetadataDays,
    },
    now,
    onRun: ({ at, removed }) => {
      log.info({ ...removed }, 'removed what was kept long enough')
      note({ kind: 'retention', ...removed, at })
    },
    onFailure: (error) => log.warn({ cause: messageOf(error) }, 'retention waits for an hour'),
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
