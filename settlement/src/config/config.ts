import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { z } from 'zod'
import { MONTH_CLOSINGS } from '../documents/month-points.ts'
import { DEFAULT_HOLD_BACK } from '../earnings/hold-back.ts'
import { SettlementError } from '../errors.ts'
import { dataProtectionOption } from './data-protection.ts'
import { landmarksSetting } from './landmarks.ts'
import { countriesSetting, holdBackSetting } from './provider-terms.ts'
import { rateCardUrlsSetting } from './rate-card-urls.ts'
import { retentionSetting } from './retention.ts'
import { sellerOption } from './seller.ts'
import { witnessesSetting } from './witnesses.ts'

/** Supervisors kill what takes longer. */
const SHUTDOWN_DELAY_MS_MAX = 120_000
/** Each is a core's work, and two connections to the database. */
const VERIFY_THREADS_MAX = 64

/** Settings of the program, as flags spell them in camel case. Secrets are not among them: see `readSecrets`. */
const schema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .default(join('.hanse', 'settlement'))
    .transform((path) => resolve(path)),
  network: z.string().min(1).max(64).default('mainnet'),
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(8700),
  publicUrl: z.url().optional(),
  stripeUrl: z.url().optional(),
  stripeDoublePort: z.coerce.number().int().min(0).max(65_535).default(0),
  feeBps: z.coerce.number().int().min(0).max(10_000).default(2500),
  payoutMinimumCents: z.coerce.bigint().min(1n).default(1n),
  payoutApprovalCents: z.coerce.bigint().min(0n).optional(),
  payoutCountries: countriesSetting,
  holdBackFreeCents: z.coerce.bigint().min(0n).default(DEFAULT_HOLD_BACK.freeCents),
  holdBackStages: holdBackSetting,
  holdGraceHours: z.coerce
    .number()
    .min(0)
    .max(24 * 365)
    .default(24),
  shutdownDelayMs: z.coerce.number().int().min(0).max(SHUTDOWN_DELAY_MS_MAX).default(0),
  trustedProxies: z
    .string()
    .regex(/^[\w.:/]+(?:, ?[\w.:/]+)*$/u, {
      error: 'addresses or networks, with commas between them',
    })
    .optional(),
  requestsMax: z.coerce.number().int().min(1).default(1_000),
  eventLoopMs: z.coerce.number().int().min(10).default(1_000),
  heapMb: z.coerce.number().int().min(64).optional(),
  verifyThreads: z.coerce.number().int().min(0).max(VERIFY_THREADS_MAX).optional(),
  seller: sellerOption,
  viesUrl: z.url().optional(),
  webOrigin: z
    .url({ protocol: /^https?$/u })
    .transform((url) => new URL(url).origin)
    .optional(),
  trialCreditCents: z.coerce.bigint().min(0n).max(10_000n).default(100n),
  closeMonths: z.enum(MONTH_CLOSINGS).default('when-clear'),
  logOrigin: z.string().min(1).max(128).optional(),
  witnesses: witnessesSetting.default([]),
  landmarks: landmarksSetting.default([]),
  rateCardUrls: rateCardUrlsSetting.default([]),
  smtpUrl: z
    .url({ protocol: /^smtps?$/u, error: 'smtp://host:port or smtps://host:port' })
    .optional(),
  mailFrom: z.string().min(3).max(254).optional(),
  dkimDomain: z.string().min(1).max(253).optional(),
  dkimSelector: z.string().min(1).max(63).optional(),
  privateNetworks: z.union([z.boolean(), z.stringbool()]).default(false),
  euAudit: z.union([z.boolean(), z.stringbool()]).default(true),
  retention: retentionSetting.default({}),
  traderGraceDays: z.coerce.number().int().min(0).max(365).default(30),
  dataProtection: dataProtectionOption,
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})
export type Config = z.output<typeof schema>

/** What each setting means, for `--help` and the docs; the keys are those of the schema. */
export const SETTINGS: Record<keyof Config, string> = {
  dataDir: 'folder of keys, secrets and the embedded database',
  network: 'name of the network; it is in every signature',
  host: 'address to listen on',
  port: 'port to listen on; 0 takes any free one',
  publicUrl: 'how others reach this service',
  stripeUrl:
    'address of a Stripe double that runs elsewhere; Stripe, or a double in this process, when not given',
  stripeDoublePort: 'port of the built-in Stripe double; 0 takes any free one',
  feeBps: 'platform fee on new provider contracts, basis points',
  payoutMinimumCents: 'the least that is paid out, euro cents',
  payoutApprovalCents:
    'a payout run of more waits for an operator’s approval, euro cents; none waits when not given',
  payoutCountries: 'countries in which providers can be paid, with spaces or commas between them',
  holdBackFreeCents: 'what a provider earns first and is never held back, euro cents',
  holdBackStages:
    'what of a newcomer’s earnings waits: until-days:until-cents:share-in-basis-points:for-days, with commas between stages; none holds nothing back',
  holdGraceHours: 'how long unused holds wait for late receipts after expiry',
  shutdownDelayMs:
    'how long to go on answering while /readyz already tells balancers that this process stops, ms',
  trustedProxies:
    'addresses or networks of the proxies whose X-Forwarded-For is believed, with commas between them; without it every client of a proxy shares one rate limit',
  requestsMax: 'requests answered at once; more are refused with retry-after',
  eventLoopMs:
    'mean delay of the event loop above which requests are refused, after three such seconds, ms',
  heapMb:
    'heap above which requests are refused, MiB; 85 % of what Node allows itself when not given',
  verifyThreads:
    'threads that verify receipts and Statements; 0 takes the thread of the API; as many as there are cores when not given',
  seller:
    'who sells, for VAT and invoices: the table [settlement.seller], or JSON; without it no VAT is charged and documents are tests',
  viesUrl: 'where VAT ids are looked up; the Commission’s VIES when not given',
  webOrigin:
    'origin of the website, where it is not the service’s own: its pages may act for whoever is signed in',
  trialCreditCents:
    'what a person who signs up may try for nothing, once, euro cents; 0 gives nothing',
  closeMonths:
    'when a month that is over is closed: auto, at once; when-clear, once nothing of it is open; by-hand, by an operator alone',
  logOrigin:
    'what the transparency log is called, for ever; made of the public address or the key when not given',
  witnesses: 'witnesses of the transparency log, key@address each, with commas between them',
  landmarks:
    'relays that measure where providers are, as <degrees north>:<degrees east>@<multiaddr>, with commas between them',
  rateCardUrls:
    'rate cards that are fetched every six hours, card=address or card:provider=address for one provider of LiteLLM’s list, with commas between them',
  smtpUrl:
    'mail server, smtp://user@host:587 (STARTTLS) or smtps://user@host:465; no mail is sent without it, and the password is a secret',
  mailFrom: 'mail address that notifications come from',
  dkimDomain: 'domain that signs mails (DKIM), where the mail server does not',
  dkimSelector: 'selector of the DKIM key in the DNS',
  privateNetworks:
    'whether webhooks may go to private networks and this machine: only where everybody who sets one is trusted',
  euAudit:
    'EU mode: residency, audit trail, rights, retention; with false none of it runs, and its routes answer 404',
  retention:
    'how long kinds of data are kept where that is not the default, as <class>=<days>, with commas between them',
  traderGraceDays:
    'days in which a provider may be paid before it has said who it is (Art. 30 DSA)',
  dataProtection:
    'who answers for data protection, and who else sees data: the table [settlement.data-protection], or JSON',
  logLevel: 'fatal, error, warn, info, debug, trace or silent',
}

/** What a setting is when nobody gives it, as it would be written; empty where it is then made up at the start. */
export function defaultOf(name: keyof Config): string {
  let definition = schema.shape[name]._zod.def as Definition
  while (definition.type === 'pipe' && definition.in !== undefined)
    definition = definition.in._zod.def
  const value = definition.type === 'default' ? definition.defaultValue : undefined
  return typeof value === 'object' || value === undefined
    ? ''
    : `${value as string | number | bigint}`
}

/** As much of a schema's definition as leads to its default. */
interface Definition {
  readonly type: string
  readonly in?: { readonly _zod: { readonly def: Definition } }
  readonly defaultValue?: unknown
}

export interface Secrets {
  readonly databaseUrl: string | undefined
  readonly operatorToken: string | undefined
  readonly metricsToken: string | undefined
  readonly stripeSecretKey: string | undefined
  readonly stripeWebhookSecret: string | undefined
  readonly smtpPassword: string | undefined
  readonly dkimKey: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings: flag, then `HANSE_…`, then hanse.toml (its table `settlement`), then default.
 *
 * @throws {SettlementError} HANSE_CONFIG_INVALID that names the key and what is allowed
 */
export function readConfig(
  flags: Readonly<Record<string, unknown>>,
  env: Environment = process.env,
  cwd: string = process.cwd(),
): Config {
  const file = readFile(env, cwd)
  const merged: Record<string, unknown> = { ...file }
  for (const name of Object.keys(SETTINGS)) {
    const value = flags[name] ?? (env[variableOf(name)] || undefined)
    if (value !== undefined) merged[name] = value
  }
  const parsed = schema.safeParse(merged)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const key = issue?.path.join('.') ?? ''
  throw fault(`${key === '' ? '' : `${variableOf(key)} / ${kebab(key)}: `}${issue?.message ?? ''}`)
}

/** Secrets come from the environment, or from the file that `…_FILE` names, where no other user can see them. */
export function readSecrets(env: Environment = process.env): Secrets {
  const secret = (name: string): string | undefined => {
    const path = env[`${name}_FILE`]
    if (path === undefined || path === '') return env[name] || undefined
    try {
      return readFileSync(path, 'utf8').trim()
    } catch (cause) {
      throw fault(`${name}_FILE: cannot be read`, cause)
    }
  }
  return {
    databaseUrl: secret('DATABASE_URL'),
    operatorToken: secret('HANSE_OPERATOR_TOKEN'),
    metricsToken: secret('HANSE_METRICS_TOKEN'),
    stripeSecretKey: secret('STRIPE_SECRET_KEY'),
    stripeWebhookSecret: secret('STRIPE_WEBHOOK_SECRET'),
    smtpPassword: secret('HANSE_SMTP_PASSWORD'),
    dkimKey: secret('HANSE_DKIM_KEY'),
  }
}

export const kebab = (name: string): string =>
  name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)

const variableOf = (name: string): string =>
  `HANSE_${kebab(name).replaceAll('-', '_').toUpperCase()}`

const camel = (key: string): string =>
  key.replace(/[_-]([a-z])/gu, (_, letter: string) => letter.toUpperCase())

function readFile(env: Environment, cwd: string): Record<string, unknown> {
  const home = env.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  const path = [join(cwd, 'hanse.toml'), join(home, 'hanse', 'hanse.toml')].find(existsSync)
  if (path === undefined) return {}
  let toml: Record<string, unknown>
  try {
    toml = parseToml(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw fault(`${path} is not TOML`, cause)
  }
  const isTable = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  // Keys outside a table may be meant for the other programs; in our table every key must be ours.
  const shared = Object.entries(toml).filter(
    ([key, value]) => !isTable(value) && camel(key) in SETTINGS,
  )
  const own = isTable(toml.settlement) ? Object.entries(toml.settlement) : []
  return Object.fromEntries([...shared, ...own].map(([key, value]) => [camel(key), value]))
}

const fault = (message: string, cause?: unknown) =>
  new SettlementError('HANSE_CONFIG_INVALID', message, cause === undefined ? {} : { cause })
