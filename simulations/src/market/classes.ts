/** Who sells. Each figure is an assumption in the range of list prices and published measurements of 2024 and 2025. */
export const PROVIDER_CLASSES = ['home', 'rack', 'cloud'] as const
export type ProviderClass = (typeof PROVIDER_CLASSES)[number]

export interface ClassFacts {
  /** Answers at once. */
  readonly slots: number
  /** Tokens a second of one answer, and of a prompt; medians. */
  readonly speed: number
  readonly prefill: number
  /** Before the prompt is read, and for each way through the network; ms, medians. */
  readonly baseMs: number
  readonly roundTripMs: number
  /** Of the machine while it answers, and while it waits; watts. 0 where power is in the rent. */
  readonly watts: number
  readonly idleWatts: number
  /** EUR a kilowatt-hour, as the node's own setting takes it. */
  readonly tariff: string
  /** EUR an hour, whether anybody asks or not. */
  readonly rent: number
  /** EUR an hour: what the machine cost, over four years. */
  readonly hardware: number
  /** When half of them are open; the others are always. */
  readonly schedule: string | undefined
  /** Once in so many hours it is gone, for so many minutes. */
  readonly awayEveryHours: number
  readonly awayMinutes: number
  /** Of its answers. */
  readonly failureRate: number
}

/**
 * Weights of 70 billion parameters in four bits. *home*: two gaming cards of 24 GB (a PC of 2,000 EUR; households pay
 * 0.29 EUR/kWh, Eurostat 2024). *rack*: a server card of 48 GB in a data centre (9,000 EUR; industry pays 0.19). *cloud*: a
 * rented card of 80 GB (1.20 EUR an hour).
 */
export const CLASSES: Readonly<Record<ProviderClass, ClassFacts>> = {
  home: {
    slots: 1,
    speed: 18,
    prefill: 500,
    baseMs: 250,
    roundTripMs: 45,
    watts: 450,
    idleWatts: 70,
    tariff: '0.29',
    rent: 0,
    hardware: 2_000 / (4 * 8_766),
    schedule: 'mon-fri 17:30-08:00, sat-sun 00:00-24:00',
    awayEveryHours: 8,
    awayMinutes: 20,
    failureRate: 0.01,
  },
  rack: {
    slots: 3,
    speed: 20,
    prefill: 1_500,
    baseMs: 150,
    roundTripMs: 25,
    watts: 480,
    idleWatts: 90,
    tariff: '0.19',
    rent: 0,
    hardware: 9_000 / (4 * 8_766),
    schedule: undefined,
    awayEveryHours: 72,
    awayMinutes: 10,
    failureRate: 0.003,
  },
  cloud: {
    slots: 6,
    speed: 26,
    prefill: 4_000,
    baseMs: 120,
    roundTripMs: 20,
    watts: 0,
    idleWatts: 0,
    tariff: '0',
    rent: 1.2,
    hardware: 0,
    schedule: undefined,
    awayEveryHours: 200,
    awayMinutes: 5,
    failureRate: 0.002,
  },
}

/** As the node names models: suggestions of prices read the size from it. */
export const MODEL = 'simulated/chat-70b'
