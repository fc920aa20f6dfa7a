import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'

/** A transport that hands every connection of it, in both directions, to `prepare` before anybody uses it. */
export function eachConnection<Components>(
  open: (components: Components) => Transport,
  prepare: (connection: MultiaddrConnection) => void,
): (components: Components) => Transport {
  return (components) => {
    const transport = open(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = async (address, options) =>
      await dial(address, { ...options, upgrader: preparing(options.upgrader, prepare) })
    transport.createListener = (options) =>
      createListener({ ...options, upgrader: preparing(options.upgrader, prepare) })
    return transport
  }
}

/** Every connection passes the upgrader first. */
function preparing(
  upgrader: Upgrader,
  prepare: (connection: MultiaddrConnection) => void,
): Upgrader {
  return new Proxy(upgrader, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      if (key !== 'upgradeInbound' && key !== 'upgradeOutbound') return value.bind(target)
      return (connection: MultiaddrConnection, ...rest: readonly unknown[]): unknown => {
        prepare(connection)
        return value.call(target, connection, ...rest)
      }
    },
  })
}
