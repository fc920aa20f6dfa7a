import { isInRegion } from '@hanse/protocol'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

export function daemonRuns({ status, peerId, stranger }: ProviderFacts): Finding {
  const id = 'daemon.running'
  if (status === undefined && stranger?.offer !== undefined) {
    return warn(
      id,
      'a provider with this identity is on the market, but it does not answer this command',
      'Ask as the user that runs it, with its --data-dir; if it runs on another machine, give this one an identity of its own.',
      { peerId: peerId ?? null },
    )
  }
  if (status === undefined) {
    return fail(
      id,
      'no provider runs with this data folder',
      'Start it: hanse provider, or hanse service install provider; for another folder add --data-dir.',
    )
  }
  return ok(id, `provider …${status.peerId.slice(-8)} runs`, { peerId: peerId ?? status.peerId })
}

export function daemonServes({ status }: ProviderFacts): Finding | undefined {
  const id = 'daemon.state'
  if (status === undefined) return undefined
  const { state, pausedBy } = status
  const facts = { state, pausedBy }
  switch (state) {
    case 'serving':
      return ok(id, 'it takes orders', facts)
    case 'draining':
      return fail(
        id,
        'it is shutting down and takes no new orders',
        'Start it again once it has ended: hanse provider.',
        facts,
      )
    case 'paused':
      return fail(id, `it is paused: ${pausedBy.join('; ')}`, resumeAdvice(pausedBy), facts)
  }
}

/** By the reasons that a provider gives; the owner's own is the one that ends by a command. */
function resumeAdvice(pausedBy: readonly string[]): string {
  const why = pausedBy.join('; ')
  if (pausedBy.length === 0 || why.includes('by the owner')) return 'Run hanse provider resume.'
  if (/engine|no model/u.test(why))
    return 'Start the engine or free memory for its models: see engine.ready and offer.models. It goes on by itself.'
  return 'Wait until that is over, or change what paused it: the schedule, --pause-above-gpu-busy, --pause-above-others-vram or --pause-above-celsius.'
}

export function daemonVersion({
  status,
  version,
  latestVersion,
}: ProviderFacts): Finding | undefined {
  const id = 'daemon.version'
  const runs = status?.version ?? version
  const facts = { runs, command: version, latest: latestVersion ?? null }
  if (status !== undefined && status.version !== version) {
    return warn(
      id,
      `the daemon is release ${status.version}, this command ${version}`,
      'Restart the daemon, so that it runs what is installed: hanse provider drain, then start it.',
      facts,
    )
  }
  if (latestVersion === undefined) {
    return unknown(
      id,
      `release ${runs}; whether it is the newest is not known`,
      'Run hanse update --check.',
      facts,
    )
  }
  return latestVersion === runs
    ? ok(id, `release ${runs} is the newest that was seen`, facts)
    : warn(
        id,
        `release ${runs} runs, ${latestVersion} is out`,
        'Run hanse update, then restart.',
        facts,
      )
}

export function countryDeclared({ terms, status }: ProviderFacts): Finding {
  const id = 'terms.country'
  const country = status?.country ?? terms.country
  if (country === undefined) {
    return fail(
      id,
      'no country is set, so no offer can be made',
      'Say where the machine is: --country DE, or country in hanse.toml.',
    )
  }
  return isInRegion(country, 'EU')
    ? ok(id, `country ${country}, in the EU`, { country })
    : warn(
        id,
        `${country} is outside the EU, and consumers stay in the EU by default`,
        'Nothing can be set here: only consumers whose --residency allows it order from you.',
        { country },
      )
}

export function modelsOffered({ status }: ProviderFacts): Finding | undefined {
  const id = 'offer.models'
  if (status === undefined) return undefined
  const { models } = status
  const advice =
    'Pull one (hanse models pull, ollama pull), and check --models: it names what is offered.'
  if (models.length === 0) return fail(id, 'no model is offered', advice)
  const failed = models.filter(({ state }) => state === 'failed').map((model) => model.id)
  const facts = { models: models.map((model) => model.id), failed }
  if (failed.length === 0) return ok(id, `${models.length} offered: ${list(facts.models)}`, facts)
  const judge = failed.length === models.length ? fail : warn
  return judge(
    id,
    `could not be loaded: ${list(failed)}`,
    'See hanse provider logs for the cause; free memory or offer a smaller model with --models.',
    facts,
  )
}

/** A line names a few; the JSON has all. */
const NAMED_MAX = 3

function list(names: readonly string[]): string {
  const rest = names.length - NAMED_MAX
  return names.slice(0, NAMED_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
