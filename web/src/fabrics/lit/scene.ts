/** The cloth under a lamp, drawn only when something has changed. Owns the WebGL context; knows no React. */
import {
  AmbientLight,
  Color,
  DirectionalLight,
  DoubleSide,
  Group,
  Mesh,
  MeshBasicMaterial,
  MeshPhysicalMaterial,
  MeshStandardMaterial,
  NeutralToneMapping,
  PCFShadowMap,
  PMREMGenerator,
  PerspectiveCamera,
  PlaneGeometry,
  RepeatWrapping,
  SRGBColorSpace,
  Scene,
  ShadowMaterial,
  SphereGeometry,
  Texture,
  TextureLoader,
  Vector3,
  WebGLRenderer,
} from "three";
import type { BufferGeometry, Material } from "three";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";
import { TABLE, drape } from "./drape";
import { jacket } from "./jacket";
import { ball } from "./shapes";

export type Shape = "ball" | "drape" | "jacket";
export type Lamp = { azimuthDeg: number; heightDeg: number };
export type MapUrls = { albedo: string; normal: string; roughness: string; ao: string };

type View = { from: Vector3; to: Vector3; spreadMm: number };

const VIEWS: Record<Shape, View> = {
  ball: { from: new Vector3(0, 12, 330), to: new Vector3(0, 0, 0), spreadMm: 120 },
  drape: { from: new Vector3(0, 290, 500), to: new Vector3(6, -34, 12), spreadMm: 280 },
  jacket: { from: new Vector3(90, 480, 1600), to: new Vector3(0, 366, 0), spreadMm: 760 },
};

export class LitScene {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(30, 1, 10, 6000);
  private readonly lamp = new DirectionalLight("#fff6ea", 3);
  private readonly cloth = new MeshPhysicalMaterial({ side: DoubleSide });
  private readonly others: Record<"shirt" | "tie" | "button" | "thread" | "shade", Material> = {
    shirt: new MeshStandardMaterial({ color: "#eeede9", roughness: 0.85, side: DoubleSide }),
    tie: new MeshStandardMaterial({ color: "#1d2436", roughness: 0.55, side: DoubleSide }),
    button: new MeshStandardMaterial({ color: "#33281e", roughness: 0.32, side: DoubleSide }),
    thread: new MeshStandardMaterial({ color: "#0d0a08", roughness: 0.9 }),
    shade: new MeshBasicMaterial({ vertexColors: true, transparent: true, depthWrite: false, side: DoubleSide }),
  };
  private readonly shapes = new Map<Shape, Group>();
  private shape: Shape = "ball";
  private asked = 0;
  private disposed = false;

  /** Raises where there is no WebGL. */
  constructor(
    canvas: HTMLCanvasElement,
    private readonly onDrawn: () => void,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, powerPreference: "low-power" });
    this.renderer.toneMapping = NeutralToneMapping;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    const room = new RoomEnvironment();
    const generator = new PMREMGenerator(this.renderer);
    this.scene.environment = generator.fromScene(room, 0.04).texture;
    this.scene.environmentIntensity = 0.34;
    generator.dispose();
    this.lamp.castShadow = true;
    this.lamp.shadow.mapSize.set(2048, 2048);
    this.lamp.shadow.radius = 4;
    this.scene.add(this.lamp, this.lamp.target, new AmbientLight("#ffffff", 0.06));
  }

  /** The maps of a tile that measures (width, height) millimetres. Resolves when they can be seen. */
  async wear(urls: MapUrls, [width, height]: readonly [number, number], sheen: string): Promise<void> {
    const load = async (url: string, isColour: boolean) => {
      const texture = await new TextureLoader().loadAsync(url);
      texture.wrapS = texture.wrapT = RepeatWrapping;
      texture.repeat.set(1 / width, 1 / height);
      texture.anisotropy = Math.min(8, this.renderer.capabilities.getMaxAnisotropy());
      if (isColour) texture.colorSpace = SRGBColorSpace;
      return texture;
    };
    const [map, normalMap, roughnessMap, aoMap] = await Promise.all([
      load(urls.albedo, true),
      load(urls.normal, false),
      load(urls.roughness, false),
      load(urls.ao, false),
    ]);
    const textures = { map, normalMap, roughnessMap, aoMap };
    if (this.disposed) return Object.values(textures).forEach((texture) => texture.dispose());
    this.forgetMaps();
    Object.assign(this.cloth, textures);
    Object.assign(this.cloth, { sheen: 0.35, sheenRoughness: 0.6, sheenColor: new Color(sheen), needsUpdate: true });
    this.draw();
  }

  show(shape: Shape): void {
    this.shapes.get(this.shape)?.removeFromParent();
    this.shape = shape;
    const group = this.shapes.get(shape) ?? this.built(shape);
    this.shapes.set(shape, group);
    this.scene.add(group);
    const { spreadMm } = VIEWS[shape];
    Object.assign(this.lamp.shadow.camera, { left: -spreadMm, right: spreadMm, top: spreadMm, bottom: -spreadMm });
    Object.assign(this.lamp.shadow.camera, { near: 1, far: 8 * spreadMm });
    this.lamp.shadow.bias = -0.0006;
    this.lamp.shadow.normalBias = spreadMm / 400;
    this.lamp.shadow.camera.updateProjectionMatrix();
    this.draw();
  }

  /** Where the lamp stands: around the vertical, 0 in front, and over the horizon. */
  light({ azimuthDeg, heightDeg }: Lamp): void {
    const { to, spreadMm } = VIEWS[this.shape];
    const [around, up] = [(azimuthDeg * Math.PI) / 180, (heightDeg * Math.PI) / 180];
    const away = 3.5 * spreadMm;
    this.lamp.target.position.copy(to);
    this.lamp.position
      .set(Math.sin(around) * Math.cos(up), Math.sin(up), Math.cos(around) * Math.cos(up))
      .multiplyScalar(away)
      .add(to);
    this.draw();
  }

  /** Turns the thing about the vertical. */
  turn(degrees: number): void {
    const group = this.shapes.get(this.shape);
    if (group) group.rotation.y = (degrees * Math.PI) / 180;
    this.draw();
  }

  resize(width: number, height: number): void {
    if (width === 0 || height === 0) return;
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.draw();
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.asked);
    this.forgetMaps();
    this.scene.environment?.dispose();
    for (const group of this.shapes.values())
      group.traverse((thing) => thing instanceof Mesh && (thing.geometry as BufferGeometry).dispose());
    this.cloth.dispose();
    for (const material of Object.values(this.others)) material.dispose();
    this.renderer.dispose();
  }

  private draw(): void {
    cancelAnimationFrame(this.asked);
    if (this.disposed) return;
    this.asked = requestAnimationFrame(() => {
      const { from, to } = VIEWS[this.shape];
      // A narrow picture is looked at from further away.
      const away = Math.max(1, 0.94 / this.camera.aspect);
      this.camera.position.copy(from).sub(to).multiplyScalar(away).add(to);
      this.camera.lookAt(to);
      this.camera.updateProjectionMatrix();
      this.renderer.render(this.scene, this.camera);
      this.onDrawn();
    });
  }

  private built(shape: Shape): Group {
    const group = new Group();
    const add = (geometry: BufferGeometry, material: Material) => {
      const mesh = new Mesh(geometry, material);
      mesh.castShadow = mesh.receiveShadow = material !== this.others.shade;
      group.add(mesh);
    };
    if (shape === "ball") add(ball(), this.cloth);
    if (shape === "drape") {
      add(drape(), this.cloth);
      const table = new Mesh(new PlaneGeometry(2000, 2000).rotateX(-Math.PI / 2), new ShadowMaterial({ opacity: 0.28 }));
      table.position.y = TABLE;
      table.receiveShadow = true;
      group.add(table, new Mesh(new SphereGeometry(50, 32, 24), this.others.button));
    }
    if (shape === "jacket")
      for (const { of, geometry } of jacket()) add(geometry, of === "cloth" ? this.cloth : this.others[of]);
    return group;
  }

  private forgetMaps(): void {
    for (const texture of [this.cloth.map, this.cloth.normalMap, this.cloth.roughnessMap, this.cloth.aoMap])
      (texture as Texture | null)?.dispose();
  }
}

export function hasWebGl(): boolean {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}
