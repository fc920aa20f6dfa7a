import { HanseError } from '@hanse/protocol'
import { isLoopbackHost } from '../doctor/address-scope.ts'

/** A mirror redirects once or twice. */
const REDIRECTS_MAX = 5
/** Until the first byte: a server that is there answers sooner. */
const ANSWER_MS = 30_000

/**
 * Fetches over https only, also where it is redirected to; loopback may speak http.
 *
 * @throws {HanseError} HANSE_UPDATE_FAILED
 */
export async function safeFetch(url: string, signal: AbortSignal): Promise<Response> {
  let at = new URL(url)
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    if (!isSafe(at))
      throw new HanseError('HANSE_UPDATE_FAILED', `${at.origin} does not speak https`)
    const answered = new AbortController()
    const timer = setTimeout(() => answered.abort(new Error('no answer')), ANSWER_MS)
    let response: Response
    try {
      const either = AbortSignal.any([signal, answered.signal])
      response = await fetch(at.href, { redirect: 'manual', signal: either })
    } catch (cause) {
      throw new HanseError('HANSE_UPDATE_FAILED', `${at.origin} does not answer`, { cause })
    } finally {
      clearTimeout(timer)
    }
    if (response.ok) return response
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (
      response.status < 300 ||
      response.status >= 400 ||
      location === null ||
      !URL.canParse(location, at.href)
    )
      throw new HanseError('HANSE_UPDATE_FAILED', `${at.href} answered ${response.status}`)
    at = new URL(location, at.href)
  }
  throw new HanseError('HANSE_UPDATE_FAILED', `${url} leads nowhere`)
}

function isSafe({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true
  return protocol === 'http:' && isLoopbackHost(hostname.replace(/^\[|\]$/gu, ''))
}
