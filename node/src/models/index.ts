export type { Variant } from './choose-files.ts'
export { type GgufFacts, readGguf } from './gguf.ts'
export { HuggingFace } from './hugging-face.ts'
export { kindOfLicence, type Licence, type LicenceKind, warningOf } from './licence.ts'
export { type Catalog, ModelStore, type StoredModel, storedModels } from './model-store.ts'
export { gigabytes } from './part-file.ts'
export {
  type PullOptions,
  type PullPlan,
  type PullProgress,
  planPull,
  pullModel,
} from './pull.ts'
export { RateMeter } from './rate.ts'
export { isRevision, parseReference, type Reference } from './reference.ts'
