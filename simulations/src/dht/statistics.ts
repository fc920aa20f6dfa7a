export { mean, quantile } from '../report/statistics.ts'
