import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** Whether this process may make network namespaces, which takes root and iproute2. */
export function canMakeNamespaces(): boolean {
  const name = nameOf('probe')
  try {
    ip('netns', 'add', name)
    ip('netns', 'del', name)
    return true
  } catch {
    return false
  }
}

/**
 * Three machines of their own: `relay` has a cable to each of the others, and passes no packets on. So `left` and
 * `right` can reach the relay and have no way to each other.
 */
export class Namespaces implements Disposable {
  readonly relay = nameOf('relay')
  readonly left = nameOf('left')
  readonly right = nameOf('right')
  readonly relayIps = { left: '10.77.1.1', right: '10.77.2.1' } as const

  constructor() {
    try {
      for (const name of this.#all) {
        ip('netns', 'add', name)
        ip('-n', name, 'link', 'set', 'lo', 'up')
      }
      this.#connect(this.left, 'left', '10.77.1')
      this.#connect(this.right, 'right', '10.77.2')
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** The words that run a command in a namespace. */
  under(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', name]
  }

  /** Whether `from` has a way to `address`. */
  hasRoute(from: string, address: string): boolean {
    try {
      ip('-n', from, 'route', 'get', address)
      return true
    } catch {
      return false
    }
  }

  /** Processes in them must have ended. */
  [Symbol.dispose](): void {
    for (const name of this.#all) {
      try {
        ip('netns', 'del', name)
      } catch {
        // It was never made.
      }
    }
  }

  get #all(): readonly string[] {
    return [this.relay, this.left, this.right]
  }

  #connect(other: string, cable: string, net: string): void {
    const there = ['peer', 'name', 'uplink', 'netns', other]
    ip('-n', this.relay, 'link', 'add', 'name', cable, 'type', 'veth', ...there)
    ip('-n', this.relay, 'addr', 'add', `${net}.1/24`, 'dev', cable)
    ip('-n', this.relay, 'link', 'set', cable, 'up')
    ip('-n', other, 'addr', 'add', `${net}.2/24`, 'dev', 'uplink')
    ip('-n', other, 'link', 'set', 'uplink', 'up')
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe', timeout: 10_000 })
}

/** Others may test on the same machine. */
function nameOf(role: string): string {
  return `hanse-${role}-${randomBytes(3).toString('hex')}`
}
