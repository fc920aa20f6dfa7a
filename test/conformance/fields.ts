import type { Value } from './cbor.ts'
import { Link } from './cid.ts'

/** The fields of a record that fits its schema: asking for another type is a fault of this implementation. */
export class Fields {
  readonly #map: ReadonlyMap<string, Value>

  constructor(map: ReadonlyMap<string, Value>) {
    this.#map = map
  }

  get all(): ReadonlyMap<string, Value> {
    return this.#map
  }

  has(key: string): boolean {
    return this.#map.has(key)
  }

  get(key: string): Value {
    const value = this.#map.get(key)
    if (value === undefined) throw new TypeError(`no field ${key}`)
    return value
  }

  int(key: string): bigint {
    const value = this.get(key)
    return typeof value === 'bigint' ? value : wrong(key)
  }

  text(key: string): string {
    const value = this.get(key)
    return typeof value === 'string' ? value : wrong(key)
  }

  bytes(key: string): Uint8Array {
    const value = this.get(key)
    return value instanceof Uint8Array ? value : wrong(key)
  }

  link(key: string): Link {
    const value = this.get(key)
    return value instanceof Link ? value : wrong(key)
  }

  list(key: string): readonly Value[] {
    const value = this.get(key)
    return Array.isArray(value) ? (value as readonly Value[]) : wrong(key)
  }

  texts(key: string): readonly string[] {
    return this.list(key).map((item) => (typeof item === 'string' ? item : wrong(key)))
  }

  maps(key: string): readonly Fields[] {
    return this.list(key).map((item) => (item instanceof Map ? new Fields(item) : wrong(key)))
  }

  map(key: string): Fields {
    const value = this.get(key)
    return value instanceof Map ? new Fields(value) : wrong(key)
  }
}

function wrong(key: string): never {
  throw new TypeError(`field ${key} is of another type`)
}
