/** Namespace of Berth's own objects, unless its configuration names another. */
export const HOME = process.env.BERTH_HOME_NAMESPACE ?? "berth-system";
