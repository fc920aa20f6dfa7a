import { HanseError } from '@hanse/protocol'

/**
 * The fault of a listener, said so that its owner knows which setting to change. Anything but a port that is taken is
 * handed back as it is.
 *
 * @param fallback the address to name where the error itself names none
 */
export function listenFault(
  cause: unknown,
  setting: string,
  fallback: string = 'an address',
): unknown {
  const text = cause instanceof Error ? cause.message : ''
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code !== 'EADDRINUSE' && !text.includes('EADDRINUSE')) return cause
  // libp2p lists every address with its error.
  const address = /^\s*(\/\S+):[^\n]*EADDRINUSE/mu.exec(text)?.[1] ?? fallback
  return new HanseError(
    'HANSE_ADDRESS_IN_USE',
    `${address} is taken by another program; choose another with ${setting}`,
    { cause },
  )
}
