import { picoEuro } from '@hanse/protocol'
import { answersGroup } from './groups/answers.ts'
import { builtInGroup } from './groups/built-in.ts'
import { enginesGroup } from './groups/engines.ts'
import { keysGroup } from './groups/keys.ts'
import { modelsGroup } from './groups/models.ts'
import { networkGroup } from './groups/network.ts'
import { operationsGroup } from './groups/operations.ts'
import { pricingGroup } from './groups/pricing.ts'
import { privacyGroup } from './groups/privacy.ts'
import { relayGroup } from './groups/relay.ts'
import { routingGroup } from './groups/routing.ts'
import { scheduleGroup } from './groups/schedule.ts'
import { spotCheckGroup } from './groups/spot-checks.ts'
import { telemetryGroup } from './groups/telemetry.ts'
import { updateGroup } from './groups/update.ts'
import * as kinds from './kinds.ts'

/** What every program that joins the network needs. */
export const networkSettings = {
  dataDir: kinds.folder({
    description: 'where identity and receipts are kept',
    fallback: '.hanse/node',
  }),
  network: kinds.text({
    description: 'name of the network; signatures are void on any other',
    placeholder: '<name>',
    fallback: 'mainnet',
  }),
  listen: kinds.addresses({
    description: 'addresses to listen on; loopback unless you open them',
    fallback: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'],
  }),
  bootstrap: kinds.addresses({ description: 'relays to join the network through', fallback: [] }),
  logLevel: kinds.oneOf(['fatal', 'error', 'warn', 'info', 'debug'], {
    description: 'least severity that is logged to standard error',
    fallback: 'info',
  }),
  ...networkGroup,
} as const

export const relaySettings = {
  ...networkSettings,
  ...relayGroup,
  witness: kinds.toggle({
    description: 'cosign the checkpoints of transparency logs, over HTTP (C2SP tlog-witness)',
    fallback: false,
  }),
  witnessLogs: kinds.logKeys({
    description: 'keys of the logs to witness; several of one name are keys of one log',
    fallback: [],
  }),
  witnessName: kinds.optionalText({
    description: 'name of the witness’s key; made of network and peer id when not given',
    placeholder: '<name>',
  }),
  witnessHost: kinds.text({
    description: 'address of the witness’s HTTP server',
    placeholder: '<host>',
    fallback: '127.0.0.1',
  }),
  witnessPort: kinds.integer({
    description: 'port of that server; 0 takes a free one',
    fallback: 8790,
    min: 0,
    max: 65_535,
  }),
} as const

const auditSettings = {
  euAudit: kinds.toggle({
    description: 'keep a transparency log of ended sessions, as salted commitments',
    fallback: true,
  }),
} as const

export const providerSettings = {
  ...networkSettings,
  ...auditSettings,
  ...operationsGroup,
  country: kinds.country({ description: 'country that this machine is in (required)' }),
  engine: kinds.oneOf(['auto', 'builtin', 'openai', 'ollama'], {
    description:
      'all engines that run on this machine and all pulled models; the built-in engine alone; a server that speaks the OpenAI API; Ollama',
    fallback: 'auto',
  }),
  engineUrl: kinds.optionalUrl({
    description: 'base URL of the engine; Ollama’s usual one when not given',
  }),
  engineApiKey: kinds.optionalText({ description: 'API key of that engine', secret: true }),
  models: kinds.list({
    description:
      'engine models to offer, each `name` or `publisher/name=engine-name`; all when empty',
    placeholder: '<model,…>',
    fallback: [],
  }),
  inputPrice: kinds.optionalPrice({
    description: 'price of input tokens; suggested by the size of each model when not given',
  }),
  outputPrice: kinds.optionalPrice({
    description: 'price of output tokens; suggested by the size of each model when not given',
  }),
  slots: kinds.integer({
    description: 'requests served at once, per model',
    fallback: 2,
    min: 1,
    max: 1024,
  }),
  maxOutputTokens: kinds.integer({
    description: 'most tokens of one answer',
    fallback: 4096,
    min: 1,
    max: 1_000_000,
  }),
  minAuthorization: kinds.euro({
    description: 'least authorization limit to serve',
    fallback: picoEuro(0n),
  }),
  unsecuredCredit: kinds.euro({
    description: 'what a stranger may owe without an authorization',
    fallback: picoEuro(0n),
  }),
  creditWindow: kinds.euro({
    description: 'most to deliver without a countersignature',
    fallback: picoEuro(10n ** 12n),
  }),
  settlementUrl: kinds.optionalUrl({ description: 'settlement service that pays this provider' }),
  statementEveryMs: kinds.integer({
    description: 'time between Statements with each consumer, ms; 0 settles receipt by receipt',
    placeholder: '<ms>',
    fallback: 5_000,
    min: 0,
    max: 25_000,
  }),
  releaseIdleMs: kinds.integer({
    description:
      'time without an order after which the unspent rest of an authorization goes back to its consumer, ms; 0 waits until it is revoked or about to end',
    placeholder: '<ms>',
    fallback: 900_000,
    min: 0,
    max: 604_800_000,
  }),
  drainMs: kinds.integer({
    description: 'how long running answers may take to finish on shutdown, ms',
    placeholder: '<ms>',
    fallback: 30_000,
    min: 0,
    max: 600_000,
  }),
  ...enginesGroup,
  ...builtInGroup,
  ...modelsGroup,
  ...pricingGroup,
  ...scheduleGroup,
  ...telemetryGroup,
} as const

export const consumerSettings = {
  ...networkSettings,
  residency: kinds.regions({
    description: 'where prompts may be processed: EU, EEA, countries, anywhere',
    fallback: ['EU'],
  }),
  minLevel: kinds.integer({
    description:
      'least evidence of location: 0 none, 1 declared, 2 geo-IP, 3 payout account, 4 documents',
    fallback: 3,
    min: 0,
    max: 4,
  }),
  evidence: kinds.evidence({
    description:
      'kinds of evidence of location that there must be, each of them: declared, geoip, latency, payout-account, operator',
    fallback: [],
  }),
  trust: kinds.peerIds({
    description:
      'peer ids of attestors (settlement services) whose word counts; taken from --settlement-url when empty',
    fallback: [],
  }),
  settlementUrl: kinds.optionalUrl({
    description: 'settlement service that pays for this consumer',
  }),
  settlementApiKey: kinds.optionalText({
    description: 'API key of the organization at settlement',
    secret: true,
  }),
  maxInputPrice: kinds.optionalPrice({ description: 'highest acceptable price of input tokens' }),
  maxOutputPrice: kinds.optionalPrice({ description: 'highest acceptable price of output tokens' }),
  receiptEvery: kinds.integer({
    description: 'output tokens between receipts',
    fallback: 256,
    min: 1,
    max: 100_000,
  }),
  creditWindow: kinds.euro({
    description: 'most to leave un-countersigned with one provider',
    fallback: picoEuro(10n ** 12n),
  }),
  authorizationAmount: kinds.euro({
    description: 'what to hold at settlement for one provider at a time',
    fallback: picoEuro(5n * 10n ** 12n),
  }),
  tokenizers: kinds.list({
    description: 'GGUF files; what providers of just these models count is checked token by token',
    placeholder: '<file,…>',
    fallback: [],
  }),
  keepRequests: kinds.toggle({
    description:
      'keep request bodies in the data folder, so that `hanse replay` can run them again',
    fallback: false,
  }),
  deadlineMs: kinds.integer({
    description: 'longest an answer may take, ms',
    placeholder: '<ms>',
    fallback: 600_000,
    min: 1_000,
    max: 86_400_000,
  }),
  ...routingGroup,
} as const

export const gatewaySettings = {
  ...consumerSettings,
  ...auditSettings,
  ...operationsGroup,
  ...answersGroup,
  ...keysGroup,
  ...privacyGroup,
  ...telemetryGroup,
  ...spotCheckGroup,
  host: kinds.text({
    description: 'address of the HTTP server',
    placeholder: '<host>',
    fallback: '127.0.0.1',
  }),
  port: kinds.integer({
    description: 'port of the HTTP server; 0 takes a free one',
    fallback: 8787,
    min: 0,
    max: 65_535,
  }),
  apiKey: kinds.optionalText({
    description: 'key that clients must send; required when the host is not loopback',
    secret: true,
  }),
} as const

/** For commands that talk to a running gateway. */
export const clientSettings = {
  gatewayUrl: kinds.url({ description: 'the gateway to ask', fallback: 'http://127.0.0.1:8787' }),
  apiKey: kinds.optionalText({ description: 'key of the gateway', secret: true }),
} as const

/** For `hanse run`. */
export const batchSettings = {
  ...clientSettings,
  concurrency: kinds.integer({
    description: 'requests at once',
    fallback: 8,
    min: 1,
    max: 1_024,
  }),
  attempts: kinds.integer({
    description: 'attempts of one request, the first included',
    fallback: 4,
    min: 1,
    max: 100,
  }),
  maxCost: kinds.optionalEuro({
    description: 'send nothing more once this is spent; what runs is finished',
  }),
} as const

/** For commands that read what a node keeps. */
export const nodeFolderSettings = {
  dataDir: kinds.folder({
    description: 'data folder of the gateway or provider, read while it runs, too',
    fallback: '.hanse/node',
  }),
} as const

/** For commands that read receipts. */
export const receiptsSettings = {
  ...clientSettings,
  dataDir: kinds.folder({
    description: 'data folder of the gateway or provider, read while it runs, too',
    fallback: '.hanse/node',
  }),
  network: kinds.optionalText({
    description: `network that the receipts must be of (default: what the gateway says; of a data folder ${networkSettings.network.fallback})`,
    placeholder: '<name>',
  }),
  trust: kinds.peerIds({
    description: 'peer ids of settlement services that you trust',
    fallback: [],
  }),
} as const

export const replaySettings = {
  ...clientSettings,
  ...modelsGroup,
  network: kinds.optionalText({
    description: 'network that the bundle must be of',
    placeholder: '<name>',
  }),
  request: kinds.optionalText({
    description: 'file with the request body; asked of the gateway when not given',
    placeholder: '<file>',
  }),
  opening: kinds.optionalText({
    description: 'file with the session’s opening; asked of the gateway when not given',
    placeholder: '<file>',
  }),
  modelFile: kinds.optionalText({
    description: 'GGUF file; looked for among the built-in and the pulled models when not given',
    placeholder: '<file>',
  }),
} as const

export const verifySettings = {
  network: kinds.optionalText({
    description: 'network that the bundle must be of',
    placeholder: '<name>',
  }),
  trust: kinds.peerIds({
    description: 'peer ids of settlement services that you trust',
    fallback: [],
  }),
  checkpoint: kinds.optionalText({
    description: 'file with a checkpoint of the settlement’s log that you remember',
    placeholder: '<file>',
  }),
} as const

/** For commands that look at the node's own log. */
export const logOwnSettings = {
  dataDir: kinds.folder({
    description: 'data folder of the gateway or provider',
    fallback: '.hanse/node',
  }),
} as const

/** For what shows or packs the events, with the sessions that they are about. */
export const logSearchSettings = {
  ...logOwnSettings,
  network: networkSettings.network,
} as const

export const logProveSettings = {
  ...logOwnSettings,
  gatewayUrl: kinds.url({
    description: 'a running gateway, asked when the data folder has no log',
    fallback: 'http://127.0.0.1:8787',
  }),
} as const

/** For commands that look after models. */
export const modelsSettings = { ...modelsGroup } as const

/** For `hanse update`. */
export const updateSettings = { ...updateGroup } as const
