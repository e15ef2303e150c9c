/** Cycles that each hardware event costs, as named profiles. */
export interface CostProfile {
  readonly name: string;
}
