export {
  type Admission,
  RefusedAtGate,
  type RequestEnd,
  type RequestFacts,
} from './admission.ts'
export { type Costs, costsOf } from './costs.ts'
export { faultOf, type OpenAiError, openAiError } from './errors.ts'
export { FieldError } from './field-error.ts'
export type { ImageSource } from './images.ts'
export type { Buyer, OpenedAnswer } from './open-answer.ts'
export type { RequestHeaders } from './policy.ts'
export { type OpenAiRequest, parseRequest } from './request.ts'
export type { RequestRecord } from './request-run.ts'
export {
  errorResponse,
  type HandleOptions,
  type OpenAiResponse,
  OpenAiService,
  type OpenAiServiceOptions,
} from './service.ts'
