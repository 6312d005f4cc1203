/** The console as somebody comes into it. */

/** Signs in with the admin token on the sign-in page that is shown. */
export async function signIn(page, server) {
  await page.locator("input[name=token]").fill(server.credentials.adminToken);
  await page.locator("button[type=submit]").click();
  await page.locator("header.top").waitFor();
}
