/** A number from the environment. */
export const setting = (variable: string, otherwise: number): number => {
  const value = Number(process.env[variable] || otherwise)
  if (!(value > 0)) throw new Error(`${variable} is no positive number`)
  return value
}
