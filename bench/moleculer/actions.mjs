/** The endpoints as actions. Their payload is checked by the same codec as everybody's, not by `params`. */

const handler =
  ({ check, held }) =>
  ({ params }) => {
    const payload = check(params)
    if (held === undefined) return payload
    held.started()
    return held.reply
  }

export const actions = (endpoints) => Object.fromEntries(endpoints.map((one) => [one.name, handler(one)]))
