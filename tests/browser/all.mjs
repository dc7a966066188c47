// All tests, in an order: the first ones look at the scene, later ones change it. The demo plays
// meanwhile.
import "./demo.mjs";
// Before the first test: when all tests that are known have ended, the browser is closed, and a test
// that is only known later would find it so.
import "./scene.mjs";
import "./mending.mjs";
import "./signing.mjs";
import "./looks.mjs";
import "./desk.mjs";
import "./live.mjs";
import "./many.mjs";
import "./story.mjs";
