import type { DialFault } from '../../network/index.ts'
import { scopeOf, widest } from '../address-scope.ts'
import { type Tried, triedAddresses } from '../dial-back-tries.ts'
import { type Finding, type FindingFacts, fail, ok, unknown, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

const ID = 'reach.dial-back'
const LISTEN_PORT = '4001'

/** What peers say that were asked just now; without their word, what the daemon heard last. */
export function reachableByPeers(given: ProviderFacts): Finding | undefined {
  const { status, dialBack } = given
  if (status === undefined) return undefined
  const tried = triedAddresses(dialBack?.peers ?? [])
  const facts = factsOf(given, tried)
  const open = tried.filter(({ answers }) => answers > 0)
  const shut = tried.filter(({ answers, faults }) => answers === 0 && faults.length > 0)
  if (open.some(({ relayed }) => !relayed)) return judgeOpen(open, shut, given, facts)
  if (open.length > 0) return ok(ID, 'peers cannot dial in; a relay carries their traffic', facts)
  if (shut.length > 0 && (shut.some(({ relayed }) => relayed) || !hasRelay(given)))
    return fail(ID, `peers that were asked cannot dial ${shownList(shut)}`, adviceOn(shut, given), {
      ...facts,
    })
  return byLastWord(given, facts)
}

/** A private address that answers nobody costs nobody anything: a consumer dials all of them at once. */
function judgeOpen(
  open: readonly Tried[],
  shut: readonly Tried[],
  given: ProviderFacts,
  facts: FindingFacts,
): Finding {
  const inVain = shut.filter(({ address }) => scopeOf(address) === 'public')
  return inVain.length === 0
    ? ok(ID, `peers that were asked dialed back to ${shownList(open)}`, facts)
    : warn(
        ID,
        `peers dial ${shownList(open)}, but not ${shownList(inVain)}`,
        adviceOn(inVain, given),
        facts,
      )
}

function byLastWord(given: ProviderFacts, facts: FindingFacts): Finding | undefined {
  const { status, terms } = given
  // A market on one machine has no outside to be dialed from.
  if (widest(terms.bootstrap) === 'loopback') return undefined
  const reachability = status?.reachability ?? 'unknown'
  if (reachability === 'direct') return ok(ID, 'peers that were asked dialed back', facts)
  if (reachability === 'relayed')
    return ok(ID, 'peers cannot dial in; a relay carries their traffic', facts)
  if (reachability === 'unknown') {
    return unknown(
      ID,
      'no peer has tried yet to dial back',
      'Ask again in some minutes: it needs peers outside this machine’s network, and each dials back once in half a minute.',
      facts,
    )
  }
  return status?.addresses.some((address) => address.startsWith('/dns')) === true
    ? unknown(
        ID,
        'peers dial no names when they are asked to dial back',
        'See reach.dial, which dials the name from here.',
        facts,
      )
    : fail(ID, 'peers that were asked could not dial back', adviceOn([], given), facts)
}

/** For the address that reaches furthest: what is amiss there is likeliest amiss with all. */
function adviceOn(shut: readonly Tried[], given: ProviderFacts): string {
  const scope = widest(shut.map(({ address }) => address))
  const direct = shut.filter(({ relayed }) => !relayed)
  const worst = direct.find(({ address }) => scopeOf(address) === scope) ?? direct[0] ?? shut[0]
  if (worst === undefined) return `${announceSeen(given)}, ${BY_RELAY}`
  if (worst.relayed)
    return 'The relay does not carry traffic to this node any more: restart it, or add another relay to --bootstrap.'
  const [fault] = worst.faults
  const advice = fault === undefined ? undefined : ADVICE[fault]
  return (
    advice?.(worst) ?? `Check the firewall and the router for TCP port ${worst.port}, ${BY_RELAY}`
  )
}

const BY_RELAY = 'or be reached through a relay of --bootstrap: --relay on.'

const ADVICE: Readonly<Partial<Record<DialFault, (tried: Tried) => string>>> = {
  timeout: ({ shown, port }) =>
    `Nothing comes through to ${shown}: open TCP port ${port} in the firewall and forward it in the router to this machine, ${BY_RELAY}`,
  refused: ({ host, port }) =>
    `${host} refuses TCP port ${port}: forward it in the router to the port of --listen on this machine, correct --announce, ${BY_RELAY}`,
  'wrong-peer': ({ shown, port }) =>
    `Another program or node answers at ${shown}: forward TCP port ${port} to this machine, or correct --announce.`,
}

/** Peers dial an asker only where they see it: what is announced has to be that. */
function announceSeen({ dialBack, terms }: ProviderFacts): string {
  const seen = (dialBack?.peers ?? [])
    .flatMap(({ observed }) => observed ?? [])
    .find((address) => scopeOf(address) === 'public' && !address.includes('/p2p-circuit'))
  const port =
    terms.listen.map((address) => address.split('/')[4] ?? '').find((each) => Number(each) > 0) ??
    LISTEN_PORT
  if (seen === undefined) return `Forward TCP port ${port} in the router to this machine`
  const [, kind = '', host = ''] = seen.split('/')
  return `Peers see this machine as ${host}: forward TCP port ${port} there to this machine and say so, --announce /${kind}/${host}/tcp/${port}`
}

const hasRelay = ({ status }: ProviderFacts): boolean =>
  status?.addresses.some((address) => address.includes('/p2p-circuit')) === true

/** A line names one; the facts have all. */
function shownList([first, ...rest]: readonly Tried[]): string {
  return `${first?.shown ?? ''}${rest.length > 0 ? ` and ${rest.length} more` : ''}`
}

function factsOf({ status, dialBack }: ProviderFacts, tried: readonly Tried[]): FindingFacts {
  const peers = dialBack?.peers ?? []
  return {
    reachability: status?.reachability ?? 'unknown',
    asked: peers.length,
    results: tried.flatMap(({ shown, told }) => told.map((each) => `${shown} ${each}`)),
    observed: [...new Set(peers.flatMap(({ observed }) => observed ?? []))],
    silent: peers.flatMap(({ peerId, fault }) =>
      fault === undefined ? [] : [`…${peerId.slice(-8)}: ${fault}`],
    ),
  }
}
