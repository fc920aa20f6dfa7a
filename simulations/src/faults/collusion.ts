import type { World } from './world.ts'

/** What thieves and pairs that hold both keys send to settlement. */
export class Collusions {
  constructor(_world: World) {}

  plan(): void {}
}
